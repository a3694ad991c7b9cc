SELECT
    d.year,
    d.month,
    count(*) AS sales,
    sum(s.quantity) AS units,
    sum(s.total_amount) AS revenue
FROM bi_schema.fact_sales AS s
JOIN bi_schema.dim_date AS d ON d.date_id = s.date_id
GROUP BY d.year, d.month

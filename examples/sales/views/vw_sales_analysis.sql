SELECT
    s.sale_id,
    d.full_date,
    g.segment_name,
    g.channel,
    g.region,
    p.product_name,
    p.category,
    s.quantity,
    s.unit_price,
    s.total_amount
FROM bi_schema.fact_sales AS s
JOIN bi_schema.dim_date AS d ON d.date_id = s.date_id
JOIN bi_schema.dim_segment AS g ON g.segment_id = s.segment_id
JOIN bi_schema.dim_product AS p ON p.product_id = s.product_id

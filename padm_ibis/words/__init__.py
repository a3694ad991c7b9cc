"""The domain's words as expressions: what models import beside Ibis and their contract."""

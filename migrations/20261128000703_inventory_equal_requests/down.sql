-- How keys and texts were written before is not known any more, and the older version reads them.
SELECT 1;

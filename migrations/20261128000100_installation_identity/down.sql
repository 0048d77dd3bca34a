DROP SCHEMA installation CASCADE;

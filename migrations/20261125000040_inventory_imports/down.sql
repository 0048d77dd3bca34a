DROP TABLE inventory.import_rejections;
DROP TABLE inventory.imports;

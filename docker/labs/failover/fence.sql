-- Not before the shop's database is made, which is done by a first start of its own.
SET GLOBAL super_read_only = (SELECT COUNT(*) > 0 FROM information_schema.schemata WHERE schema_name = 'vitrine');

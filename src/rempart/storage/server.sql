-- What an operator asks of a server and of its Rempart database (storage/server.py).

-- name: read_server
-- One line about the server and the database of this connection.
SELECT current_setting('server_version') AS version,
       pg_database_size(current_database()) AS size_bytes,
       current_setting('data_checksums') AS checksums,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('fsync') AS fsync

-- name: list_roles
-- The roles of Rempart that exist on the server.
SELECT rolname FROM pg_catalog.pg_roles WHERE starts_with(rolname, 'rempart_') ORDER BY rolname

-- name: has_schema
-- Whether a migration was ever applied here.
SELECT to_regclass('accounts.django_migrations') IS NOT NULL

-- name: list_migrations
-- The migrations of the schema that were applied, in order.
SELECT name FROM accounts.django_migrations WHERE app = 'storage' ORDER BY id

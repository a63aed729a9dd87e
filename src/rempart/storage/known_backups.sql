-- What this base knows of the store of backups, for pages that cannot read it (psycopg: role archivist).

-- name: save_backup
-- A backup of the store: added, or until when it is kept now. One that was restored from is known again.
INSERT INTO retention.backup (backup, made_at, bytes, program, purge, kept_until)
VALUES (%(backup)s, %(made_at)s, %(bytes)s, %(program)s, %(purge)s, %(kept_until)s)
ON CONFLICT (backup) DO UPDATE SET kept_until = excluded.kept_until, removed_at = NULL;

-- name: mark_removed
-- Those that are not in the store any more.
UPDATE retention.backup SET removed_at = clock_timestamp() WHERE removed_at IS NULL AND backup <> ALL (%(kept)s::text[]);

-- name: mark_verified
-- Its files were read whole and are as written.
UPDATE retention.backup SET verified_at = clock_timestamp() WHERE backup = %(backup)s;

-- name: mark_tried
-- It was restored beside everything: how long it took, and how many purges were carried out again on it.
UPDATE retention.backup SET tried_at = clock_timestamp(), tried_s = %(took_s)s, tried_purges = %(purges)s WHERE backup = %(backup)s;

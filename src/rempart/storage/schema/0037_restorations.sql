-- What a restored base erased again is certified as what a run erases is. Reasons: docs/adr/0044-backups.md.

ALTER TABLE retention.restoration
    ADD COLUMN number      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    ADD COLUMN certificate text NOT NULL DEFAULT '',       -- a signed note
    ADD COLUMN signed_by   text NOT NULL DEFAULT '',       -- the public key that checks it
    ADD COLUMN runs        bigint[] NOT NULL DEFAULT '{}', -- those of which it certifies what left: they have no certificate here
    ALTER COLUMN made_at DROP NOT NULL;                    -- a base restored by other means does not say of when it is
GRANT SELECT (number, certificate, signed_by) ON retention.restoration TO rempart_portals;

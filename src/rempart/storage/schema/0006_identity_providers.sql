-- Identity providers: who an outside provider's subject is here, and which of its messages were used.

-- A provider's name of somebody, linked once, through an invitation: a name alone opens nothing.
CREATE TABLE accounts.provider_identity (
    provider  text NOT NULL CHECK (provider <> ''),
    subject   text NOT NULL CHECK (subject <> ''),
    actor_ref bigint NOT NULL REFERENCES accounts.actor,
    linked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (provider, subject),
    UNIQUE (provider, actor_ref)
);
CREATE INDEX provider_identity_by_actor ON accounts.provider_identity (actor_ref);

GRANT SELECT, INSERT ON accounts.provider_identity TO rempart_signin;
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts.provider_identity TO rempart_plane_accounts;
-- Logout tokens serve once, whichever process gets them.
GRANT SELECT, INSERT, DELETE ON accounts.used_assertion TO rempart_signin;

ALTER TABLE accounts.provider_identity ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_everybody ON accounts.provider_identity TO rempart_plane_accounts, rempart_signin
    USING (true) WITH CHECK (true);

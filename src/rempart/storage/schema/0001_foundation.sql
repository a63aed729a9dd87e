-- The foundation: one schema and one role per plane, and the first tables of five of them.
-- Roles exist already, with the planes each process belongs to (storage/roles.py: they belong to the server, not to one database).
-- Conventions: *_ref is a random 64-bit reference; *_ms is Unix time in milliseconds UTC; *_on is a Paris civil date;
-- closed_in = 9223372036854775807 means "still open".

-- A function is callable by whom it was granted to, like everything else here.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE SCHEMA identity;
CREATE SCHEMA rights;
CREATE SCHEMA ledger;
CREATE SCHEMA claims;
CREATE SCHEMA incidents;
CREATE SCHEMA retention;
CREATE SCHEMA jobs;
-- schema accounts is created by storage/roles.py: Django keeps its own two tables there.

-- ---------------------------------------------------------------- rights
-- What the gateway may read: keyed references and coverage terms, never an identity.

CREATE TABLE rights.insurer (
    insurer_id        integer PRIMARY KEY,
    amc_number        text NOT NULL UNIQUE CHECK (amc_number ~ '^[0-9]{10}$'),
    name              text NOT NULL,
    agreement_from    date NOT NULL,
    agreement_to      date NOT NULL DEFAULT 'infinity',
    -- The feed version readers see; rows of later versions are loaded but invisible.
    published_version bigint NOT NULL DEFAULT 0
);

-- A feed being loaded is "pending": invisible, resumable, discardable. Publishing is one update.
CREATE TABLE rights.feed_version (
    feed_version  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    insurer_id    integer NOT NULL REFERENCES rights.insurer,
    kind          text NOT NULL CHECK (kind IN ('full', 'delta')),
    file_digest   bytea NOT NULL CHECK (length(file_digest) = 32),
    state         text NOT NULL CHECK (state IN ('pending', 'published', 'discarded')),
    -- Rows of the file already handled: where a resumed import starts again.
    rows_done     bigint NOT NULL DEFAULT 0,
    rows_applied  bigint NOT NULL DEFAULT 0,
    rows_rejected bigint NOT NULL DEFAULT 0,
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at  timestamptz
);
CREATE UNIQUE INDEX one_pending_version ON rights.feed_version (insurer_id) WHERE state = 'pending';
CREATE INDEX feed_version_by_digest ON rights.feed_version (insurer_id, file_digest);

-- What is wrong in a feed, row by row: never the value of a personal field. Kept until the insurer's next feed.
CREATE TABLE rights.feed_finding (
    feed_version bigint NOT NULL REFERENCES rights.feed_version,
    line         bigint NOT NULL,
    field        text NOT NULL,
    rule         text NOT NULL,
    message      text NOT NULL,
    advice       text NOT NULL
);
CREATE INDEX feed_finding_by_line ON rights.feed_finding (feed_version, line);

-- A guarantee as the card prints it: shared by every person who has it.
-- terms_id is the head of the digest, so that processes that load one feed agree on it without asking.
CREATE TABLE rights.terms (
    terms_id        bigint PRIMARY KEY,
    insurer_id      integer NOT NULL REFERENCES rights.insurer,
    digest          bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    convention_type text NOT NULL,
    csr             text NOT NULL,
    responsible     boolean NOT NULL,
    domains         jsonb NOT NULL
);

CREATE TABLE rights.lookup (
    lookup_key uuid PRIMARY KEY,
    person_ref bigint NOT NULL
);

CREATE FUNCTION rights.no_overlap(starts date[], ends date[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN NOT EXISTS (
        SELECT 1
        FROM generate_subscripts(starts, 1) AS a, generate_subscripts(starts, 1) AS b
        WHERE a < b AND starts[a] <= ends[b] AND starts[b] <= ends[a]
    );

-- One row per person and feed version that changed it: the whole sheet of coverages, as parallel arrays.
-- System time is the pair (opened_in, closed_in); the primary key lets only one sheet be open.
CREATE TABLE rights.coverage (
    person_ref     bigint NOT NULL,
    closed_in      bigint NOT NULL DEFAULT 9223372036854775807,
    opened_in      bigint NOT NULL,
    insurer_id     integer NOT NULL,
    contract_ref   bigint[] NOT NULL,
    starts_on      date[] NOT NULL,
    ends_on        date[] NOT NULL,
    suspended_from date[] NOT NULL,   -- 'infinity' when never suspended
    suspended_to   date[] NOT NULL,
    terms_id       bigint[] NOT NULL,
    PRIMARY KEY (person_ref, closed_in),
    CHECK (closed_in > opened_in),
    CHECK (cardinality(starts_on) > 0
       AND cardinality(ends_on) = cardinality(starts_on)
       AND cardinality(contract_ref) = cardinality(starts_on)
       AND cardinality(suspended_from) = cardinality(starts_on)
       AND cardinality(suspended_to) = cardinality(starts_on)
       AND cardinality(terms_id) = cardinality(starts_on)),
    CHECK (starts_on[1] <= ends_on[1]),
    CHECK (cardinality(starts_on) = 1 OR rights.no_overlap(starts_on, ends_on))
);

-- Lines of a pending delta that contradict the sheet as it stands: tried again after the last row of the file,
-- which may have closed the other contract meanwhile.
CREATE TABLE rights.waiting_line (
    feed_version   bigint NOT NULL REFERENCES rights.feed_version,
    line           bigint NOT NULL,
    person_ref     bigint NOT NULL,
    action         text NOT NULL CHECK (action IN ('put', 'remove')),
    contract_ref   bigint NOT NULL,
    starts_on      date NOT NULL,
    ends_on        date NOT NULL,
    suspended_from date NOT NULL,
    suspended_to   date NOT NULL,
    terms_id       bigint NOT NULL,
    PRIMARY KEY (feed_version, line)
);

-- Sheets of people who left: kept for recomputing what was shown, never readable by the gateway.
CREATE TABLE rights.past_coverage (LIKE rights.coverage INCLUDING ALL);

-- ---------------------------------------------------------------- identity
-- Who is who: sealed, one key per insurer. The gateway's role has no right here.

CREATE TABLE identity.insurer_key (
    insurer_id  integer PRIMARY KEY,
    wrapped_key bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE identity.person (
    person_ref  bigint PRIMARY KEY,
    insurer_id  integer NOT NULL,
    -- AEAD over a msgpack map: NIR, names, birth, member and contract numbers, contact.
    sealed      bytea NOT NULL,
    -- Keyed digest of the plain map: tells "unchanged" without opening the seal.
    digest      bytea NOT NULL CHECK (length(digest) = 16),
    -- Keys the person is known by now. They are in rights.lookup while the person is a member.
    lookup_keys uuid[] NOT NULL,
    changed_in  bigint NOT NULL
);

-- Keys that lead to a person but open nothing: of former members, of a number or card given up, and those that a
-- pending version will put in rights.lookup. With rights.lookup: every key a person was ever known by.
CREATE TABLE identity.person_key (
    person_key uuid PRIMARY KEY,
    person_ref bigint NOT NULL,
    added_in   bigint NOT NULL
);

-- Persons known before the row of a pending version that speaks of them. `stated`: by a good row; otherwise only by
-- a rejected one, which takes nothing away from them. `changed`: publishing has something to do for them.
CREATE TABLE identity.seen_in_feed (
    feed_version bigint NOT NULL,
    person_ref   bigint NOT NULL,
    stated       boolean NOT NULL,
    changed      boolean NOT NULL,
    PRIMARY KEY (feed_version, person_ref)
);

-- What a pending version will put in identity.person when it is published.
CREATE TABLE identity.pending_person (
    feed_version bigint NOT NULL,
    person_ref   bigint NOT NULL,
    sealed       bytea NOT NULL,
    digest       bytea NOT NULL CHECK (length(digest) = 16),
    lookup_keys  uuid[] NOT NULL,
    PRIMARY KEY (feed_version, person_ref)
);

-- ---------------------------------------------------------------- accounts

CREATE TABLE accounts.establishment (
    establishment_ref bigint PRIMARY KEY,
    finess            text UNIQUE,
    siret             text NOT NULL,
    name              text NOT NULL,
    postcode          text NOT NULL,
    city              text NOT NULL,
    sealed_iban       bytea
);

CREATE TABLE accounts.professional (
    account_ref       bigint PRIMARY KEY,
    rpps              text NOT NULL UNIQUE,
    profession        text NOT NULL,
    display_name      text NOT NULL,
    establishment_ref bigint REFERENCES accounts.establishment
);

-- ---------------------------------------------------------------- ledger
-- Format and reasons: docs/reference/ledger-format.md. Every column of entry, tile, checkpoint and session is evidential
-- unless a comment says otherwise.

CREATE TABLE ledger.log (
    log_id    smallint PRIMARY KEY,
    origin    text NOT NULL UNIQUE,
    vkey      text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE ledger.head (
    log_id smallint PRIMARY KEY REFERENCES ledger.log,
    size   bigint NOT NULL CHECK (size >= 0),
    epoch  bigint NOT NULL,          -- operational: fences zombie writers, not committed by the tree
    root   bytea NOT NULL CHECK (length(root) = 32),
    t_ms   bigint NOT NULL
);

-- Openings. Partition = segment = 2^24 leaves of one log.
CREATE TABLE ledger.entry (
    log_id         smallint NOT NULL,
    idx            bigint NOT NULL,
    kind           smallint NOT NULL,
    t_ms           bigint NOT NULL,
    salt           bytea NOT NULL CHECK (length(salt) = 16),
    -- who
    account_ref    bigint NOT NULL,   -- 0: no account acted
    session_ref    bigint NOT NULL,
    acct_seq       bigint NOT NULL,   -- 0: none
    -- whom
    person_ref     bigint NOT NULL,   -- 0: nobody was found, or the entry is about no person
    insurer_id     integer NOT NULL,  -- 0: none
    ins_seq        bigint NOT NULL,   -- 0: none
    lookup_key     uuid NOT NULL,     -- what was asked, keyed; for SESSION, digest of the session's facts
    -- what
    purpose        smallint NOT NULL,
    mode           smallint NOT NULL,
    domain         smallint NOT NULL,
    care_day       integer NOT NULL,  -- days since 1970-01-01
    outcome        smallint NOT NULL,
    fields         bigint NOT NULL,   -- bitmap of disclosure/fields.py
    schema_version smallint NOT NULL,
    data_version   bigint NOT NULL,   -- opened_in of the sheet shown; for SESSION, more of that digest
    request_id     uuid NOT NULL,
    PRIMARY KEY (log_id, idx)
) PARTITION BY RANGE (log_id, idx);
CREATE INDEX entry_by_account ON ledger.entry (account_ref, idx) INCLUDE (acct_seq, person_ref, insurer_id, session_ref);
CREATE INDEX entry_by_person ON ledger.entry (person_ref, idx);

CREATE FUNCTION ledger.ensure_segment(log smallint, segment bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    child text := format('entry_%s_%s', log, segment);
BEGIN
    IF to_regclass('ledger.' || child) IS NULL THEN
        -- Attached, not created as a partition: that would wait for every reader of the ledger.
        EXECUTE format('CREATE TABLE ledger.%I (LIKE ledger.entry INCLUDING ALL)', child);
        EXECUTE format(
            'ALTER TABLE ledger.entry ATTACH PARTITION ledger.%I FOR VALUES FROM (%s, %s) TO (%s, %s)',
            child, log, segment << 24, log, (segment + 1) << 24);
    END IF;
END $$;

-- C2SP tiles, written once, when 256 hashes wide.
CREATE TABLE ledger.tile (
    log_id smallint NOT NULL,
    level  smallint NOT NULL,
    n      bigint NOT NULL,
    hashes bytea NOT NULL CHECK (length(hashes) = 8192),
    PRIMARY KEY (log_id, level, n)
);

-- The unfinished right edge at the last checkpoint (level 0 only), so that a difference in the tail is located to its row.
CREATE TABLE ledger.edge (
    log_id smallint PRIMARY KEY REFERENCES ledger.log,
    size   bigint NOT NULL,
    hashes bytea NOT NULL
);
ALTER TABLE ledger.edge ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE ledger.checkpoint (
    log_id smallint NOT NULL,
    size   bigint NOT NULL,
    t_ms   bigint NOT NULL,
    root   bytea NOT NULL CHECK (length(root) = 32),
    note   text NOT NULL,
    PRIMARY KEY (log_id, size)
);

-- The facts a SESSION entry commits to: how, from where and with what the account came in.
CREATE TABLE ledger.session (
    session_ref bigint PRIMARY KEY,
    account_ref bigint NOT NULL,
    client_ref  bigint NOT NULL,
    opened_ms   bigint NOT NULL,
    method      text NOT NULL,
    address     text NOT NULL,
    agent       text NOT NULL
);
CREATE INDEX session_by_account ON ledger.session (account_ref, opened_ms);

-- Operational: where each insurer's counter stood at the last checkpoint, so that a restart reads only the tail.
CREATE TABLE ledger.insurer_counter (
    log_id     smallint NOT NULL,
    insurer_id integer NOT NULL,
    size       bigint NOT NULL,
    last       bigint NOT NULL,
    PRIMARY KEY (log_id, insurer_id)
);

-- Operational: answers kept a day so that a repeated Idempotency-Key gets the same bytes. Scoped to a session:
-- somebody else's session never replays an answer.
CREATE TABLE ledger.replay (
    session_ref bigint NOT NULL,
    request_id  uuid NOT NULL,
    body_digest bytea NOT NULL,
    answer      bytea NOT NULL,
    t_ms        bigint NOT NULL,
    PRIMARY KEY (session_ref, request_id)
);
CREATE INDEX replay_by_age ON ledger.replay (t_ms);

-- ---------------------------------------------------------------- incidents

CREATE TABLE incidents.incident (
    incident_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title       text NOT NULL,
    exercise    boolean NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    starts_ms   bigint NOT NULL,
    ends_ms     bigint NOT NULL,
    answered_at timestamptz,
    -- Figures of the drill against the known truth, and the points its pictures are drawn from.
    report      jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE incidents.suspect_account (
    incident_id bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    account_ref bigint NOT NULL,
    PRIMARY KEY (incident_id, account_ref)
);

CREATE TABLE incidents.attributed_session (
    incident_id  bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    session_ref  bigint NOT NULL,
    account_ref  bigint NOT NULL,
    verdict      text NOT NULL CHECK (verdict IN ('thief', 'mixed', 'owner')),
    reasons      jsonb NOT NULL,
    PRIMARY KEY (incident_id, session_ref)
);

CREATE TABLE incidents.exposed_person (
    incident_id bigint NOT NULL REFERENCES incidents.incident ON DELETE CASCADE,
    insurer_id  integer NOT NULL,
    person_ref  bigint NOT NULL,
    tier        text NOT NULL CHECK (tier IN ('A', 'B', 'C')),
    fields      bigint NOT NULL,
    lookups     integer NOT NULL,
    sessions    bigint[] NOT NULL,
    PRIMARY KEY (incident_id, insurer_id, person_ref)
);

-- ---------------------------------------------------------------- grants
-- Plane roles own the writing of their schema; process roles get only what their process needs.

GRANT USAGE ON SCHEMA identity TO rempart_plane_identity;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA identity TO rempart_plane_identity;
GRANT USAGE ON SCHEMA rights TO rempart_plane_rights;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rights TO rempart_plane_rights;
-- The constraint on coverages runs it as whoever writes them.
GRANT EXECUTE ON FUNCTION rights.no_overlap TO rempart_plane_rights;
GRANT USAGE ON SCHEMA ledger TO rempart_plane_ledger;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO rempart_plane_ledger;
-- The ledger is append-only for its own role too: no DELETE, and no UPDATE but of operational rows.
GRANT INSERT ON ledger.log, ledger.head, ledger.entry, ledger.tile, ledger.checkpoint, ledger.session,
    ledger.edge, ledger.insurer_counter, ledger.replay TO rempart_plane_ledger;
GRANT UPDATE ON ledger.head, ledger.edge, ledger.insurer_counter TO rempart_plane_ledger;
GRANT DELETE ON ledger.replay TO rempart_plane_ledger;
GRANT EXECUTE ON FUNCTION ledger.ensure_segment TO rempart_plane_ledger;
GRANT USAGE ON SCHEMA accounts TO rempart_plane_accounts;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA accounts TO rempart_plane_accounts;
REVOKE ALL ON accounts.django_migrations FROM rempart_plane_accounts;
GRANT USAGE ON SCHEMA incidents TO rempart_plane_incidents;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA incidents TO rempart_plane_incidents;
GRANT USAGE ON SCHEMA claims TO rempart_plane_claims;
GRANT USAGE ON SCHEMA retention TO rempart_plane_retention;
GRANT USAGE ON SCHEMA jobs TO rempart_plane_jobs;

-- The gateway: reads coverage by key, authenticates clients, appends to the ledger. Nothing of identity.
GRANT USAGE ON SCHEMA rights, accounts TO rempart_gateway;
GRANT SELECT ON rights.insurer, rights.terms, rights.lookup, rights.coverage TO rempart_gateway;
-- (and is a member of rempart_plane_ledger)

-- Feeds: identity and rights, nothing of the ledger.
-- (a member of rempart_plane_identity and rempart_plane_rights)

-- The portals: accounts and incidents; reads pseudonymous ledger rows and insurers for the console.
-- (a member of rempart_plane_accounts and rempart_plane_incidents)
GRANT USAGE ON SCHEMA ledger, rights TO rempart_portals;
GRANT SELECT ON ledger.log, ledger.head, ledger.entry, ledger.checkpoint, ledger.session TO rempart_portals;
GRANT SELECT ON rights.insurer TO rempart_portals;

-- The auditor: reads the ledger and nothing else.
GRANT USAGE ON SCHEMA ledger TO rempart_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO rempart_auditor;

-- The analyst of incidents: ledger and rights to read, incidents to write, accounts to read without keys.
-- (a member of rempart_plane_incidents)
GRANT USAGE ON SCHEMA ledger, rights, accounts TO rempart_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO rempart_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA rights TO rempart_analyst;
GRANT SELECT ON accounts.professional, accounts.establishment TO rempart_analyst;

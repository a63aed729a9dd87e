-- Accounts: who acts, in which role, for which organisation; how they prove it; what they did.
-- No table holds a password, and none holds a secret that opens anything by itself: digests and public keys only.
-- Conventions: those of 0001. *_digest is a SHA-256. An `until` or `ends_on` of 'infinity' means "no end".

-- ---------------------------------------------------------------- organisations and actors

CREATE TABLE accounts.organisation (
    org_ref           bigint PRIMARY KEY,
    kind              text NOT NULL CHECK (kind IN ('operator', 'insurer', 'establishment', 'employer', 'publisher')),
    name              text NOT NULL CHECK (name <> ''),
    insurer_id        integer UNIQUE REFERENCES rights.insurer,
    establishment_ref bigint UNIQUE REFERENCES accounts.establishment,
    -- An operator may be hosted by another one; null: it runs this installation.
    hosted_by         bigint REFERENCES accounts.organisation,
    -- How its agents sign in besides passkeys: the name of a configured OIDC provider.
    identity_provider text,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    suspended_at      timestamptz,
    CHECK ((kind = 'insurer') = (insurer_id IS NOT NULL)),
    CHECK ((kind = 'establishment') = (establishment_ref IS NOT NULL)),
    CHECK (hosted_by IS NULL OR kind = 'operator')
);

-- What one organisation does for another, between two days (both included): an insurer may have several operators
-- one after the other, and somebody else run its spaces.
CREATE TABLE accounts.mandate (
    mandate_ref   bigint PRIMARY KEY,
    principal_ref bigint NOT NULL REFERENCES accounts.organisation,
    agent_ref     bigint NOT NULL REFERENCES accounts.organisation,
    kind          text NOT NULL CHECK (kind IN ('operates', 'sub_processes')),
    starts_on     date NOT NULL,
    ends_on       date NOT NULL DEFAULT 'infinity',
    CHECK (principal_ref <> agent_ref AND starts_on <= ends_on)
);
CREATE INDEX mandate_by_agent ON accounts.mandate (agent_ref);
CREATE INDEX mandate_by_principal ON accounts.mandate (principal_ref);

-- Whoever may act. A professional's actor_ref is the account_ref of accounts.professional and of the ledger.
CREATE TABLE accounts.actor (
    actor_ref    bigint PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('professional', 'agent', 'member')),
    display_name text NOT NULL,
    -- WebAuthn's user handle: random, says nothing of the person.
    user_handle  bytea NOT NULL UNIQUE CHECK (length(user_handle) = 32),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    suspended_at timestamptz
);

-- An actor's role for an organisation. accountable_ref: the professional who answers for an assistant or a locum.
-- via_ref: the sub-processor whose agent this is, inside an insurer's space.
CREATE TABLE accounts.membership (
    membership_ref  bigint PRIMARY KEY,
    actor_ref       bigint NOT NULL REFERENCES accounts.actor,
    org_ref         bigint NOT NULL REFERENCES accounts.organisation,
    role            text NOT NULL,
    accountable_ref bigint REFERENCES accounts.professional,
    via_ref         bigint REFERENCES accounts.organisation,
    starts_on       date NOT NULL,
    ends_on         date NOT NULL DEFAULT 'infinity',
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    suspended_at    timestamptz,
    UNIQUE (actor_ref, org_ref, role, starts_on),
    CHECK (starts_on <= ends_on)
);
CREATE INDEX membership_by_org ON accounts.membership (org_ref);

-- A member's account: which person of which insurer. Names stay in the identity plane.
CREATE TABLE accounts.member (
    actor_ref  bigint PRIMARY KEY REFERENCES accounts.actor,
    insurer_id integer NOT NULL REFERENCES rights.insurer,
    person_ref bigint NOT NULL,
    UNIQUE (insurer_id, person_ref)
);

-- ---------------------------------------------------------------- how they prove it

CREATE TABLE accounts.passkey (
    credential_id bytea PRIMARY KEY CHECK (length(credential_id) BETWEEN 16 AND 1023),
    actor_ref     bigint NOT NULL REFERENCES accounts.actor,
    public_key    bytea NOT NULL,
    sign_count    bigint NOT NULL,
    transports    text[] NOT NULL DEFAULT '{}',
    aaguid        uuid NOT NULL,
    backed_up     boolean NOT NULL,
    label         text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at       timestamptz,
    -- Set when its counter went back: a copy exists somewhere. Neither copy opens anything any more.
    cloned_at     timestamptz,
    revoked_at    timestamptz
);
CREATE INDEX passkey_by_actor ON accounts.passkey (actor_ref);

-- A one-time code delivered out of band. A recovery is an invitation that another person approved.
CREATE TABLE accounts.invitation (
    invitation_ref bigint PRIMARY KEY,
    code_digest    bytea NOT NULL UNIQUE CHECK (length(code_digest) = 32),
    kind           text NOT NULL CHECK (kind IN ('enrolment', 'recovery')),
    actor_ref      bigint NOT NULL REFERENCES accounts.actor,
    org_ref        bigint REFERENCES accounts.organisation,   -- null: a member
    invited_by     bigint REFERENCES accounts.actor,          -- null: the command line
    approved_by    bigint REFERENCES accounts.actor,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at     timestamptz NOT NULL,
    used_at        timestamptz,
    revoked_at     timestamptz,
    CHECK (approved_by IS DISTINCT FROM invited_by OR invited_by IS NULL)
);
CREATE INDEX invitation_by_actor ON accounts.invitation (actor_ref);

-- A recovery asked for and not yet approved by another person: no code exists before that.
CREATE TABLE accounts.recovery_request (
    request_ref  bigint PRIMARY KEY,
    actor_ref    bigint NOT NULL REFERENCES accounts.actor,
    org_ref      bigint REFERENCES accounts.organisation,
    asked_by     bigint NOT NULL REFERENCES accounts.actor,
    reason       text NOT NULL,
    asked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_at   timestamptz,
    decided_by   bigint REFERENCES accounts.actor,
    approved     boolean,
    CHECK (decided_by IS DISTINCT FROM asked_by OR decided_by IS NULL)
);

-- ---------------------------------------------------------------- sessions

-- One sign-in of one browser, in one role. The browser holds the token; here is its digest.
CREATE TABLE accounts.session (
    session_ref       bigint PRIMARY KEY,
    token_digest      bytea NOT NULL UNIQUE CHECK (length(token_digest) = 32),
    actor_ref         bigint NOT NULL REFERENCES accounts.actor,
    role              text NOT NULL,
    membership_ref    bigint REFERENCES accounts.membership,   -- null: a member, or a professional's own situation
    org_ref           bigint REFERENCES accounts.organisation, -- null: a member
    accountable_ref   bigint REFERENCES accounts.professional,
    method            text NOT NULL CHECK (method IN ('psc', 'passkey', 'oidc')),
    -- For single logout: the provider's own session.
    provider          text NOT NULL DEFAULT '',
    provider_sid      text NOT NULL DEFAULT '',
    provider_sub      text NOT NULL DEFAULT '',
    address           text NOT NULL,
    agent             text NOT NULL,
    device_key        jsonb,          -- public key the browser proves possession of, where it can
    opened_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    idle_limit        interval NOT NULL,
    expires_at        timestamptz NOT NULL,
    stepped_up_at     timestamptz,    -- the last fresh ceremony within this session
    ended_at          timestamptz,
    end_reason        text CHECK (end_reason IN ('left', 'revoked', 'provider', 'suspended', 'replaced'))
);
CREATE INDEX session_by_actor ON accounts.session (actor_ref, opened_at);
CREATE INDEX session_by_provider ON accounts.session (provider, provider_sid) WHERE provider <> '';

-- ---------------------------------------------------------------- software

CREATE TABLE accounts.software (
    client_ref         bigint PRIMARY KEY,
    client_id          text NOT NULL UNIQUE CHECK (client_id ~ '^[a-z0-9-]{3,64}$'),
    publisher_ref      bigint REFERENCES accounts.organisation,   -- null: the portals of this installation
    label              text NOT NULL,
    scopes             text[] NOT NULL,
    -- RFC 8705: the subject its certificate must have; null when it uses private_key_jwt and DPoP.
    certificate_subject text,
    -- Structure-only calls (no person's token): the one establishment it may act for.
    establishment_ref  bigint REFERENCES accounts.establishment,
    -- The names under which its users sign in to Pro Santé Connect: only tokens given to these are exchanged for it.
    psc_clients        text[] NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by         bigint REFERENCES accounts.actor,
    revoked_at         timestamptz
);

-- Public keys of a client. A rotation is a second key, then an end for the first.
CREATE TABLE accounts.software_key (
    client_ref bigint NOT NULL REFERENCES accounts.software,
    kid        text NOT NULL CHECK (kid <> ''),
    jwk        jsonb NOT NULL,
    added_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at    timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (client_ref, kid)
);

-- Assertions already used, until they expire: shared by every gateway.
CREATE TABLE accounts.used_assertion (
    assertion_digest bytea PRIMARY KEY CHECK (length(assertion_digest) = 32),
    expires_at       timestamptz NOT NULL
);
CREATE INDEX used_assertion_by_age ON accounts.used_assertion (expires_at);

-- ---------------------------------------------------------------- what happened

-- Every act that concerns the safety of an account, written in the transaction of the act.
CREATE TABLE accounts.security_event (
    event_ref         bigint PRIMARY KEY,
    at                timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind              text NOT NULL,
    actor_ref         bigint REFERENCES accounts.actor,   -- whose account it concerns; null: nobody was recognised
    by_ref            bigint REFERENCES accounts.actor,   -- who did it, when somebody else
    session_ref       bigint,
    org_ref           bigint REFERENCES accounts.organisation,
    address           text NOT NULL DEFAULT '',
    agent             text NOT NULL DEFAULT '',
    details           jsonb NOT NULL DEFAULT '{}'          -- never a secret, never an identifier of a member
);
CREATE INDEX security_event_by_actor ON accounts.security_event (actor_ref, at);
CREATE INDEX security_event_by_org ON accounts.security_event (org_ref, at);

-- "It was not me": what a person says of an event, and what the operator did about it.
CREATE TABLE accounts.event_report (
    event_ref   bigint PRIMARY KEY REFERENCES accounts.security_event,
    actor_ref   bigint NOT NULL REFERENCES accounts.actor,
    reported_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    words       text NOT NULL,
    handled_at  timestamptz,
    handled_by  bigint REFERENCES accounts.actor,
    outcome     text
);

-- ---------------------------------------------------------------- bank details of an establishment

-- One row per version; the account in force is the row in state 'active'. IBANs are sealed (storage/iban_seal.py).
CREATE TABLE accounts.bank_details (
    change_ref        bigint PRIMARY KEY,
    establishment_ref bigint NOT NULL REFERENCES accounts.establishment,
    sealed_iban       bytea NOT NULL,
    last_digits       text NOT NULL CHECK (last_digits ~ '^[0-9A-Z]{4}$'),
    state             text NOT NULL CHECK (state IN ('proposed', 'cooling', 'active', 'replaced', 'cancelled', 'refused')),
    proposed_by       bigint REFERENCES accounts.actor,   -- null: loaded by the operator
    proposed_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    approved_by       bigint REFERENCES accounts.actor,
    approved_at       timestamptz,
    active_from       timestamptz,                        -- end of the cooling-off period
    ended_at          timestamptz,
    ended_by          bigint REFERENCES accounts.actor,
    -- Verification of payee: match, close_match, no_match, unavailable; and the words of the provider, no name.
    payee_check       text CHECK (payee_check IN ('match', 'close_match', 'no_match', 'unavailable')),
    payee_checked_at  timestamptz,
    payee_provider    text NOT NULL DEFAULT '',
    CHECK (approved_by IS DISTINCT FROM proposed_by OR approved_by IS NULL)
);
CREATE UNIQUE INDEX one_active_account ON accounts.bank_details (establishment_ref) WHERE state = 'active';
CREATE UNIQUE INDEX one_change_at_a_time ON accounts.bank_details (establishment_ref) WHERE state IN ('proposed', 'cooling');

-- Where people are warned. The value is sealed; old addresses are kept a while: a thief changes them first.
CREATE TABLE accounts.contact (
    contact_ref bigint PRIMARY KEY,
    actor_ref   bigint REFERENCES accounts.actor,
    org_ref     bigint REFERENCES accounts.organisation,
    channel     text NOT NULL CHECK (channel IN ('email', 'sms', 'letter')),
    sealed      bytea NOT NULL,
    added_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    replaced_at timestamptz,
    CHECK (actor_ref IS NOT NULL OR org_ref IS NOT NULL)
);
CREATE INDEX contact_by_org ON accounts.contact (org_ref);
CREATE INDEX contact_by_actor ON accounts.contact (actor_ref);

-- Warnings to send, written with the act they tell of; whoever sends them marks them.
CREATE TABLE accounts.warning (
    warning_ref bigint PRIMARY KEY,
    contact_ref bigint NOT NULL REFERENCES accounts.contact,
    event_ref   bigint NOT NULL REFERENCES accounts.security_event,
    written_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at     timestamptz,
    UNIQUE (contact_ref, event_ref)
);

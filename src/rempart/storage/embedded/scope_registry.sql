-- DuckDB: the insurers' own files, as the people a portal could show. Reasons and states are those of storage/scope_reasons.py.

-- name: make_paris_day
-- The civil day of Paris an instant falls in.
CREATE OR REPLACE TEMP MACRO paris_day(t_ms) AS CAST(timezone('Europe/Paris', to_timestamp(t_ms / 1000.0)) AS DATE);

-- name: make_normalise_identifier
-- One spelling of an identifier, in logs and registries alike: capitals, no spaces, a NIR without its key.
CREATE OR REPLACE TEMP MACRO normalise_identifier(text) AS nullif(regexp_replace(
    upper(regexp_replace(text, '[\s\x{a0}\x{202f}]', '', 'g')),
    '^([1278]\d{4}(?:\d\d|2[AB])\d{6})\d\d($|\|)', '\1\2'
), '');

-- name: make_shape_of
-- What an identifier looks like: 9 for a digit, A for a letter.
CREATE OR REPLACE TEMP MACRO shape_of(text) AS regexp_replace(regexp_replace(text, '[0-9]', '9', 'g'), '[A-Z]', 'A', 'g');

-- name: make_row
-- Rows of feeds as they are, in the order of the files.
CREATE OR REPLACE TABLE registry_row (
    seq BIGINT, amc VARCHAR, contract VARCHAR, member VARCHAR, insured_nir VARCHAR, own_nir VARCHAR, previous_nir VARCHAR,
    family_name VARCHAR, birth_date VARCHAR, birth_rank VARCHAR, quality INTEGER, starts DATE, ends DATE,
    agreed_from DATE, agreed_to DATE, removes BOOLEAN
);

-- name: make_insurer
-- The insurers as insurers.csv has them: dates of agreement, and the chain of processors between them and the portal.
CREATE OR REPLACE TABLE insurer (amc VARCHAR, name VARCHAR, agreed_from DATE, agreed_to DATE, via VARCHAR);

-- name: make_insurer_name
-- What the logs may call an insurer.
CREATE OR REPLACE TABLE insurer_name (name VARCHAR, amc VARCHAR);

-- name: make_contract_rule
-- The contracts that are routed through the portal's operator; an insurer without any rule has them all routed.
CREATE OR REPLACE TABLE contract_rule (amc VARCHAR, contract VARCHAR, is_prefix BOOLEAN);

-- name: make_line
-- One row per person, contract and period. The last row of a line holds; a removed one never was; a number that changed is
-- replaced by the new one.
CREATE OR REPLACE TABLE line AS
WITH latest AS (
    SELECT * FROM registry_row
    QUALIFY row_number() OVER (
        PARTITION BY amc, contract, insured_nir, birth_date, birth_rank, starts ORDER BY seq DESC
    ) = 1
), moved AS (
    SELECT amc, previous_nir, birth_date, birth_rank, max(insured_nir) AS insured_nir
    FROM latest WHERE previous_nir <> '' AND NOT removes
    GROUP BY amc, previous_nir, birth_date, birth_rank
), kept AS (
    SELECT l.* REPLACE (
               COALESCE(m.insured_nir, l.insured_nir) AS insured_nir,
               CASE WHEN m.insured_nir IS NULL THEN l.previous_nir ELSE l.insured_nir END AS previous_nir,
               GREATEST(l.agreed_from, COALESCE(i.agreed_from, DATE '1900-01-01')) AS agreed_from,
               LEAST(l.agreed_to, COALESCE(i.agreed_to, DATE '9999-12-31')) AS agreed_to
           )
    FROM latest AS l
    LEFT JOIN moved AS m ON m.amc = l.amc AND m.previous_nir = l.insured_nir AND m.birth_date = l.birth_date
                        AND m.birth_rank = l.birth_rank
    LEFT JOIN insurer AS i ON i.amc = l.amc
    WHERE NOT l.removes
)
SELECT dense_rank() OVER (ORDER BY k.amc, k.insured_nir, k.birth_date, k.birth_rank) AS person_id,
       k.amc, k.contract, k.member, normalise_identifier(k.contract) AS contract_key, normalise_identifier(k.member) AS member_key, k.insured_nir, k.own_nir, k.previous_nir,
       upper(k.family_name) AS family_name, k.birth_date, k.birth_rank, k.quality, k.starts, k.ends, k.agreed_from, k.agreed_to,
       NOT EXISTS (SELECT 1 FROM contract_rule AS r WHERE r.amc = k.amc) OR EXISTS (
           SELECT 1 FROM contract_rule AS r
           WHERE r.amc = k.amc AND (upper(k.contract) = r.contract OR (r.is_prefix AND starts_with(upper(k.contract), r.contract)))
       ) AS routed
FROM kept AS k;

-- name: make_person
-- One row per person of one insurer, as their latest line has them, and why the portal cannot have shown them, if it cannot:
-- 1 the agreement began after the attack, 2 they left before the agreement, 3 their contract does not go through the operator,
-- 4 they joined after the attack. One line that could be shown is enough to be concerned.
CREATE OR REPLACE TABLE person AS
WITH judged AS (
    SELECT l.*, CASE
               WHEN l.agreed_from > paris_day($ends_ms - 1) THEN 1
               WHEN l.ends < l.agreed_from THEN 2
               WHEN NOT l.routed THEN 3
               WHEN l.starts > paris_day($ends_ms - 1) + $ahead_days::INTEGER THEN 4
               ELSE 0
           END AS ruled_out
    FROM line AS l
)
SELECT person_id, any_value(amc) AS amc, any_value(insured_nir) AS insured_nir, any_value(birth_date) AS birth_date,
       any_value(birth_rank) AS birth_rank,
       arg_max(own_nir, (ends, starts, contract)) AS own_nir, arg_max(contract, (ends, starts, contract)) AS contract,
       arg_max(member, (ends, starts, contract)) AS member, arg_max(quality, (ends, starts, contract)) AS quality,
       min(starts) AS first_day, max(ends) AS last_day, min(ruled_out) AS ruled_out
FROM judged
GROUP BY person_id;

-- name: add_insurer_names
-- An insurer's own number is a name for it, with its leading zeros and without, whatever insurers.csv says.
INSERT INTO insurer_name
SELECT DISTINCT unnest([amc, ltrim(amc, '0')]) AS name, amc FROM line
EXCEPT SELECT name, amc FROM insurer_name;

-- name: count_registry
-- Lines and persons of each insurer.
SELECT p.amc, COALESCE(any_value(i.name), '') AS name, COALESCE(any_value(i.via), '') AS via,
       min(l.agreed_from)::VARCHAR AS agreed_from, count(DISTINCT p.person_id)::BIGINT AS persons, count(*)::BIGINT AS lines
FROM person AS p JOIN line AS l ON l.person_id = p.person_id LEFT JOIN insurer AS i ON i.amc = p.amc
GROUP BY p.amc
ORDER BY p.amc;

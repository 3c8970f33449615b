-- Whom a purge removes: members with no date on or after $day, and no bond to a member with one.
-- purged_member     grain: member_id.
-- purged_exception  grain: exception_id that the ledger has for one of them.
-- purged_text       grain: file_no and row_number of a quarantined record whose text is removed.
-- purged_id         grain: id of a member, person or claim that is removed.
-- purge_line        grain: file_no and row_number of a quarantined record that was loaded since the
--                   day, with the text of its values, or of the line if it could not be split.
-- A member without any date gets the as-of date of the last load.
--
-- reads: purge_dated (member_id, person_id, last_date, loaded: one or more rows per member),
--        kept_medical_claim, kept_pharmacy_claim, kept.main.ledger_event, kept.main.quarantine,
--        kept.main.file
-- makes: purged_member, purged_exception, purged_text, purged_id, purge_line
-- words: $day

-- Members are bound if they share a person or a claim, their own or one it names: a reversal must
-- not go before its claim.
CREATE OR REPLACE TEMP VIEW purge_claim AS
SELECT member_id, 'medical' AS claim_source, lower(payer) AS payer,
       unnest([claim_id, original_claim_id]) AS claim_id
FROM kept_medical_claim
UNION ALL
SELECT member_id, 'pharmacy', lower(payer), unnest([claim_id, original_claim_id])
FROM kept_pharmacy_claim;

CREATE OR REPLACE TEMP TABLE purge_bond AS
WITH shared_claim AS (
    SELECT claim_source, payer, claim_id FROM purge_claim WHERE claim_id IS NOT NULL
    GROUP BY ALL HAVING min(member_id) <> max(member_id))
SELECT DISTINCT member_id, 'person ' || unnest([member_id, person_id]) AS bond FROM purge_dated
UNION
SELECT DISTINCT member_id, concat_ws(' ', claim_source, payer, claim_id)
FROM purge_claim SEMI JOIN shared_claim USING (claim_source, payer, claim_id);

-- From members to bonds and back, so that each bond is followed once, whoever shares it.
CREATE OR REPLACE TEMP VIEW purge_step AS
SELECT false AS from_bond, member_id AS from_id, bond AS to_id FROM purge_bond
UNION ALL
SELECT true, bond, member_id FROM purge_bond;

CREATE OR REPLACE TEMP TABLE purge_stays AS
WITH RECURSIVE stays AS (
    SELECT false AS is_bond, member_id AS id FROM purge_dated GROUP BY member_id
    HAVING coalesce(max(last_date), max(loaded)) >= $day
    UNION
    SELECT NOT s.is_bond, p.to_id
    FROM stays s JOIN purge_step p ON p.from_bond = s.is_bond AND p.from_id = s.id)
SELECT id AS member_id FROM stays WHERE NOT is_bond;

CREATE OR REPLACE TEMP TABLE purged_member AS
SELECT DISTINCT member_id FROM purge_dated WHERE member_id NOT IN (FROM purge_stays);

CREATE OR REPLACE TEMP TABLE purged_exception AS
SELECT DISTINCT exception_id FROM kept.main.ledger_event WHERE member_id IN (FROM purged_member);

CREATE OR REPLACE TEMP TABLE purged_id AS
SELECT member_id AS id FROM purged_member
UNION
SELECT person_id FROM purge_dated WHERE person_id IS NOT NULL AND member_id IN (FROM purged_member)
UNION
SELECT claim_id FROM purge_claim WHERE claim_id IS NOT NULL AND member_id IN (FROM purged_member);

CREATE OR REPLACE TEMP VIEW purge_record AS
SELECT q.file_no, q.row_number, q.column_name, q.raw_record, f.night
FROM kept.main.quarantine q JOIN kept.main.file f USING (file_no) WHERE q.raw_record IS NOT NULL;

-- A quarantined record loses its text if it was loaded before the day, or if it names the id of
-- what is removed: purge_line holds the records in which to look.
CREATE OR REPLACE TEMP TABLE purged_text AS
SELECT DISTINCT file_no, row_number FROM purge_record WHERE night < $day;

CREATE OR REPLACE TEMP TABLE purge_line AS
SELECT DISTINCT file_no, row_number,
       CASE WHEN column_name IS NULL THEN raw_record
            ELSE array_to_string(
                map_values(CAST(CAST(raw_record AS JSON) AS MAP(VARCHAR, VARCHAR))), chr(10))
            END AS text
FROM purge_record WHERE night >= $day;

-- Whom a purge removes: members with no date on or after $day, and no bond to a member with one.
-- purged_member     grain: member_id.
-- purged_exception  grain: exception_id that the ledger has for one of them.
-- purged_text       grain: file_no and row_number of a quarantined record whose text is removed.
-- A member without any date gets the as-of date of the last load.
--
-- reads: purge_dated (member_id, person_id, last_date, loaded: one or more rows per member),
--        kept.main.medical_claim, kept.main.pharmacy_claim, kept.main.ledger_event,
--        kept.main.quarantine, kept.main.file
-- makes: purged_member, purged_exception, purged_text
-- words: $day

-- Members are bound if they share a person or a claim, their own or one it names: a reversal must
-- not go before its claim.
CREATE OR REPLACE TEMP VIEW purge_claim AS
SELECT member_id, 'medical' AS claim_source, lower(payer) AS payer,
       unnest([claim_id, original_claim_id]) AS claim_id
FROM kept.main.medical_claim
UNION ALL
SELECT member_id, 'pharmacy', lower(payer), unnest([claim_id, original_claim_id])
FROM kept.main.pharmacy_claim;

CREATE OR REPLACE TEMP TABLE purge_bond AS
WITH shared_claim AS (
    SELECT claim_source, payer, claim_id FROM purge_claim WHERE claim_id IS NOT NULL
    GROUP BY ALL HAVING min(member_id) <> max(member_id))
SELECT DISTINCT member_id, 'person ' || unnest([member_id, person_id]) AS bond FROM purge_dated
UNION
SELECT DISTINCT member_id, concat_ws(' ', claim_source, payer, claim_id)
FROM purge_claim SEMI JOIN shared_claim USING (claim_source, payer, claim_id);

CREATE OR REPLACE TEMP TABLE purge_stays AS
WITH RECURSIVE stays AS (
    SELECT member_id FROM purge_dated GROUP BY member_id
    HAVING coalesce(max(last_date), max(loaded)) >= $day
    UNION
    SELECT b.member_id
    FROM stays s
    JOIN purge_bond a ON a.member_id = s.member_id
    JOIN purge_bond b ON b.bond = a.bond)
SELECT member_id FROM stays;

CREATE OR REPLACE TEMP TABLE purged_member AS
SELECT DISTINCT member_id FROM purge_dated WHERE member_id NOT IN (FROM purge_stays);

CREATE OR REPLACE TEMP TABLE purged_exception AS
SELECT DISTINCT exception_id FROM kept.main.ledger_event WHERE member_id IN (FROM purged_member);

-- A quarantined record loses its text if it was loaded before the day, or if a word in it names
-- what is removed.
CREATE OR REPLACE TEMP TABLE purged_text AS
WITH record AS (
    SELECT q.file_no, q.row_number, q.raw_record, f.night
    FROM kept.main.quarantine q JOIN kept.main.file f USING (file_no)
    WHERE q.raw_record IS NOT NULL),
word AS (
    SELECT file_no, row_number,
           trim(unnest(string_split_regex(raw_record, '[][",;|:^~{}\t\r\n]'))) AS word
    FROM record)
SELECT file_no, row_number FROM record WHERE night < $day
UNION
SELECT file_no, row_number FROM word
WHERE word IN (FROM purged_member)
   OR word IN (
       SELECT person_id FROM purge_dated
       WHERE person_id IS NOT NULL AND member_id IN (FROM purged_member))
   OR word IN (
       SELECT claim_id FROM purge_claim
       WHERE claim_id IS NOT NULL AND member_id IN (FROM purged_member));

-- Claims of one claim table ($table) whose final action may have moved, and their rows.
-- run.${table}_touched_claim  grain: claim_id with a new row or one that came to be known, and whatever it is chained to.
-- run.${table}_touched        grain: row of such a claim, with what final action looks at.
-- inputs: every_$table, run.new_file. $after: the night before; $as_of: this one. $columns: what final action looks at.

CREATE OR REPLACE TABLE run.${table}_touched_claim AS
WITH RECURSIVE
chain AS (SELECT DISTINCT claim_id, original_claim_id FROM every_$table WHERE original_claim_id <> claim_id),
pair AS (SELECT claim_id AS one, original_claim_id AS other FROM chain UNION SELECT original_claim_id, claim_id FROM chain),
reached AS (
    SELECT claim_id FROM every_$table WHERE file_no IN (FROM run.new_file)
    UNION
    SELECT claim_id FROM every_$table WHERE $service_date > $after AND $service_date <= $as_of
    UNION
    SELECT p.other FROM reached r JOIN pair p ON p.one = r.claim_id)
SELECT claim_id FROM reached;

CREATE OR REPLACE TABLE run.${table}_touched_place AS
SELECT place FROM every_$table WHERE claim_id IN (FROM run.${table}_touched_claim);

CREATE OR REPLACE TABLE run.${table}_touched AS
SELECT $columns FROM every_$table
WHERE place IN (FROM run.${table}_touched_place) AND claim_id IN (FROM run.${table}_touched_claim);

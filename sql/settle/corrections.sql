-- Rows that a void or a replacement of a claim removes, and reversals under a claim id of their
-- own that take back the one line of their content. Claims match by payer, person and claim id.
--
-- reads: $rows, run.payer, run.sole_person, run.person_of, run.special_row
-- makes: run.removed_row, run.replaced_claim, run.${table}_lone_reversal, run.taken_back,
--        run.counted_row
-- words: $table; $rows: every row, or those of the claims that must be settled again; $product,
--        $plain_fate: expressions over a row.

CREATE OR REPLACE TEMP VIEW live_row AS SELECT * FROM run.special_row WHERE is_live;

CREATE OR REPLACE TEMP TABLE known_claim AS
SELECT payer_id, person, claim_id, count(*) AS rows
FROM live_row GROUP BY payer_id, person, claim_id;

CREATE OR REPLACE TEMP TABLE unmatched_row AS
SELECT version, CASE WHEN is_void THEN 'unmatched_reversal' ELSE 'unmatched_replacement' END
           AS check_name
FROM live_row l
ANTI JOIN known_claim k ON k.payer_id = l.payer_id AND k.person = l.person
                       AND k.claim_id = l.original_claim_id
WHERE l.is_void OR l.is_replacement;

-- One replacement = rows of one claim and paid date that name one claim. The latest stays.
CREATE OR REPLACE TEMP TABLE replacement AS
SELECT payer_id, person, original_claim_id, claim_id, paid_rank, max(version) AS last_version,
       row_number() OVER (PARTITION BY payer_id, person, original_claim_id
                          ORDER BY max(version) DESC) = 1 AS stays
FROM live_row
WHERE is_replacement AND version NOT IN (SELECT version FROM unmatched_row)
GROUP BY payer_id, person, original_claim_id, claim_id, paid_rank;

-- Replacements that lose against the one that stays, replaced_by.
CREATE OR REPLACE TEMP TABLE other_replacement AS
SELECT r.payer_id, r.person, r.claim_id, r.paid_rank, s.claim_id AS replaced_by
FROM replacement r
JOIN replacement s ON s.stays AND s.payer_id = r.payer_id AND s.person = r.person
                  AND s.original_claim_id = r.original_claim_id
WHERE NOT r.stays AND r.claim_id <> r.original_claim_id;

-- Claims that other claims remove as a whole: the claim that one replaces, and those that lose
-- against it. Listed if all those others are removed so too: only they can run in a circle.
CREATE OR REPLACE TABLE run.replaced_claim AS
WITH replaced AS (
    SELECT payer_id, person, original_claim_id AS claim_id, claim_id AS replaced_by
    FROM replacement WHERE stays AND claim_id <> original_claim_id
    UNION
    SELECT payer_id, person, claim_id, replaced_by
    FROM other_replacement WHERE claim_id <> replaced_by),
ended AS (
    SELECT payer_id, person, claim_id FROM replaced b
    ANTI JOIN replaced n ON n.payer_id = b.payer_id AND n.person = b.person
                        AND n.claim_id = b.replaced_by)
FROM replaced ANTI JOIN ended USING (payer_id, person, claim_id);

CREATE OR REPLACE TEMP TABLE removal AS
-- a void removes the claim it names, and itself
SELECT version, true AS is_void FROM live_row WHERE is_void
UNION ALL
SELECT l.version, true
FROM live_row l
SEMI JOIN live_row v ON v.is_void AND v.payer_id = l.payer_id AND v.person = l.person
                    AND v.original_claim_id = l.claim_id
UNION ALL
-- a replacement removes the claim it names, or the earlier rows of its own claim
SELECT l.version, false
FROM live_row l
JOIN replacement r ON r.stays AND r.payer_id = l.payer_id AND r.person = l.person
                  AND r.original_claim_id = l.claim_id
WHERE r.claim_id <> r.original_claim_id
   OR (l.version < r.last_version
       AND NOT (l.is_replacement AND l.names_itself AND l.paid_rank = r.paid_rank))
UNION ALL
-- the other replacements of that claim go with all their lines
SELECT version, false
FROM live_row SEMI JOIN (FROM other_replacement WHERE claim_id <> replaced_by)
    USING (payer_id, person, claim_id)
UNION ALL
SELECT version, false
FROM live_row SEMI JOIN (FROM other_replacement WHERE claim_id = replaced_by)
    USING (payer_id, person, claim_id, paid_rank);

CREATE OR REPLACE TABLE run.removed_row AS
SELECT version, bool_or(is_void) AS is_voided, bool_or(NOT is_void) AS is_replaced
FROM removal GROUP BY version;

-- Reversals that name no claim and are all there is of their own.
CREATE OR REPLACE TABLE run.${table}_lone_reversal AS
SELECT l.file_no, l.row_number, l.claim_id, l.payer_id, l.person, l.service_date, l.product,
       abs(l.paid_amount) AS amount
FROM live_row l
JOIN known_claim k ON k.rows = 1 AND k.payer_id = l.payer_id AND k.person = l.person
                  AND k.claim_id = l.claim_id
WHERE l.is_negative AND l.original_claim_id IS NULL;

CREATE OR REPLACE TEMP TABLE asking_reversal AS
SELECT r.*, l.version
FROM run.${table}_lone_reversal r JOIN live_row l USING (file_no, row_number)
ANTI JOIN run.removed_row x USING (version);

-- Lines of the date, product and amount of such a reversal: those of one plain row, and those of
-- several, of which the latest version bears the amount of the line.
CREATE OR REPLACE TEMP TABLE asked_row AS
SELECT t.file_no, t.row_number, t.place
FROM (SELECT t.*, $product AS product FROM $rows t) t
SEMI JOIN asking_reversal a ON a.service_date = t.service_date AND a.product = t.product
                           AND a.amount = t.paid_amount
ANTI JOIN run.special_row x ON x.file_no = t.file_no AND x.row_number = t.row_number
WHERE $plain_fate = 'history';

CREATE OR REPLACE TEMP TABLE plain_row AS
SELECT t.file_no, t.row_number, p.payer_id,
       run.person_of(t.person_id, s.sole_person_id, t.member_id) AS person,
       t.service_date, $product AS product, t.paid_amount AS amount
FROM (SELECT * FROM $rows WHERE place IN (SELECT place FROM asked_row)) t
SEMI JOIN asked_row a ON a.file_no = t.file_no AND a.row_number = t.row_number
JOIN run.payer p ON p.name = lower(t.payer)
LEFT JOIN run.sole_person s ON s.member_id = t.member_id;

CREATE OR REPLACE TEMP TABLE content_match AS
WITH bearing AS (
    SELECT l.key_no
    FROM live_row l
    SEMI JOIN asking_reversal a ON a.payer_id = l.payer_id AND a.person = l.person
                               AND a.service_date = l.service_date AND a.product = l.product
                               AND a.amount = l.paid_amount),
live_line AS (
    SELECT file_no, row_number, key_no, payer_id, person, service_date, product,
           paid_amount AS amount
    FROM live_row ANTI JOIN run.removed_row USING (version)
    WHERE NOT is_reversal AND key_no IN (FROM bearing)
    QUALIFY row_number() OVER (PARTITION BY key_no ORDER BY version DESC) = 1
    UNION ALL BY NAME FROM plain_row),
sole AS (
    SELECT payer_id, person, service_date, product, amount, any_value(key_no) AS key_no,
           any_value({'file_no': file_no, 'row_number': row_number}) AS found
    FROM live_line
    SEMI JOIN asking_reversal USING (payer_id, person, service_date, product, amount)
    GROUP BY payer_id, person, service_date, product, amount
    HAVING count(*) = 1)
SELECT a.version, a.file_no, a.row_number, s.key_no, s.found
FROM asking_reversal a JOIN sole s USING (payer_id, person, service_date, product, amount)
QUALIFY row_number() OVER (PARTITION BY payer_id, person, service_date, product, amount
                           ORDER BY a.version) = 1;

CREATE OR REPLACE TABLE run.taken_back AS
SELECT file_no, row_number FROM content_match
UNION ALL SELECT found.file_no, found.row_number FROM content_match
UNION ALL  -- the other rows of its line go with it
SELECT l.file_no, l.row_number
FROM live_row l
JOIN (SELECT key_no, found FROM content_match) m USING (key_no)
ANTI JOIN run.removed_row USING (version)
WHERE l.file_no <> m.found.file_no OR l.row_number <> m.found.row_number;

CREATE OR REPLACE TABLE run.counted_row AS
FROM unmatched_row
UNION ALL SELECT version, 'matched_by_content' FROM content_match
UNION ALL SELECT version, 'unmatched_reversal' FROM asking_reversal
          ANTI JOIN content_match USING (version);

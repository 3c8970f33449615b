-- The exception ledger of one night: what moved since the nights before it.
-- run.event  grain: exception that is new, changed, resolved, reopened or dismissed tonight. The others are as they were.
-- inputs: run.found (tonight's exceptions), every_ledger_event, every_decision, run.known_medical_claim,
-- run.known_pharmacy_claim, run.moved_policy (policies whose text is not that of the night before). $night: the as-of date.

CREATE OR REPLACE TABLE run.before AS
SELECT * FROM every_ledger_event WHERE night < $night
QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY night DESC) = 1;

CREATE OR REPLACE TABLE run.decided AS
SELECT * FROM every_decision WHERE after_night < $night
QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY decision_no DESC) = 1;

CREATE OR REPLACE TABLE run.line AS
SELECT 'medical' AS claim_source, lower(payer) AS payer, claim_id, claim_line_number, original_claim_id,
       fate = 'history' AND coalesce(paid_cents > 0, false) AS is_judged FROM run.known_medical_claim
UNION ALL
SELECT 'pharmacy', lower(payer), claim_id, claim_line_number, original_claim_id,
       fate = 'history' AND coalesce(paid_cents > 0, false) FROM run.known_pharmacy_claim;

-- A claim that was rebilled under another id: its exception goes on with the one of the claim it replaces.
CREATE OR REPLACE TABLE run.continued AS
WITH RECURSIVE chain AS (
    SELECT f.exception_id, l.claim_source, l.payer, l.original_claim_id AS claim_id, 1 AS steps
    FROM run.found f JOIN run.line l
      ON l.claim_source = f.claim_source AND l.payer = lower(f.payer) AND l.claim_id = f.claim_id
    WHERE l.original_claim_id <> l.claim_id AND f.exception_id NOT IN (SELECT exception_id FROM run.before)
    UNION
    SELECT c.exception_id, l.claim_source, l.payer, l.original_claim_id, c.steps + 1
    FROM chain c JOIN run.line l USING (claim_source, payer, claim_id)
    WHERE l.original_claim_id <> l.claim_id AND c.steps < $longest_chain)
SELECT c.exception_id, b.exception_id AS continues
FROM chain c
JOIN run.found f USING (exception_id)
JOIN run.before b
  ON b.claim_source = c.claim_source AND lower(b.payer) = c.payer AND b.claim_id = c.claim_id
 AND b.claim_line_number = f.claim_line_number AND b.rule_id = f.rule_id AND b.policy_id = f.policy_id
WHERE b.exception_id NOT IN (SELECT exception_id FROM run.found)
QUALIFY row_number() OVER (PARTITION BY c.exception_id ORDER BY c.steps, b.exception_id) = 1;

CREATE OR REPLACE TABLE run.event AS
WITH compared AS (
    SELECT f.*, b.status AS status_before, b.night AS night_before, coalesce(b.first_seen, o.first_seen, $night) AS first_seen,
           coalesce(c.continues, b.continues) AS continues, coalesce(b.outcome, o.outcome) AS previous_outcome, coalesce(b.reason, o.reason) AS previous_reason,
           CASE WHEN b.exception_id IS NULL THEN o.amount_at_risk ELSE b.amount_at_risk END AS previous_amount_at_risk,
           d.action = 'dismiss' AND coalesce(d.until >= $night, true) AS is_dismissed, d.action, d.after_night,
           concat_ws(', ', CASE WHEN f.outcome <> b.outcome THEN 'outcome' END, CASE WHEN f.reason <> b.reason THEN 'reason' END,
                     CASE WHEN f.amount_at_risk IS DISTINCT FROM b.amount_at_risk THEN 'amount' END) AS moved
    FROM run.found f
    LEFT JOIN run.before b USING (exception_id)
    LEFT JOIN run.continued c USING (exception_id)
    LEFT JOIN run.before o ON o.exception_id = c.continues
    LEFT JOIN run.decided d ON d.exception_id = f.exception_id),
judged AS (
    SELECT *,
           CASE WHEN status_before IS NULL THEN CASE WHEN continues IS NULL THEN 'new' ELSE 'changed' END
                WHEN status_before = 'resolved' THEN 'reopened'
                WHEN moved <> '' THEN 'changed'
                WHEN status_before = 'dismissed' THEN CASE WHEN NOT coalesce(is_dismissed, false) THEN 'reopened' END
                WHEN is_dismissed AND after_night >= night_before THEN 'dismissed' END AS status
    FROM compared)
SELECT $night AS night, exception_id, status,
       CASE WHEN status = 'changed' THEN CASE WHEN status_before IS NULL THEN 'rebilled' ELSE moved || ' moved' END
            WHEN status = 'reopened' AND status_before = 'resolved' THEN 'found_again'
            WHEN status = 'reopened' THEN CASE WHEN action = 'reopen' THEN 'by_person' ELSE 'dismissal_expired' END
            WHEN status = 'dismissed' THEN 'by_person' END AS why,
       first_seen, CAST(NULL AS DATE) AS last_seen, rule_id, policy_id, payer, member_id, claim_source, claim_id,
       claim_line_number, outcome, reason, amount_at_risk, continues, previous_outcome, previous_reason, previous_amount_at_risk
FROM judged WHERE status IS NOT NULL
UNION ALL BY NAME
SELECT $night AS night, b.exception_id, 'resolved' AS status,
       CASE WHEN NOT coalesce(l.is_judged, false) THEN 'claim_reversed'
            WHEN b.policy_id IN (FROM run.moved_policy) THEN 'policy_changed'
            ELSE 'evidence_arrived' END AS why,
       b.first_seen, (SELECT max(as_of) FROM every_night WHERE as_of < $night) AS last_seen,
       b.rule_id, b.policy_id, b.payer, b.member_id, b.claim_source, b.claim_id, b.claim_line_number,
       b.outcome, b.reason, b.amount_at_risk, b.continues,
       b.outcome AS previous_outcome, b.reason AS previous_reason, b.amount_at_risk AS previous_amount_at_risk
FROM run.before b
LEFT JOIN (SELECT claim_source, payer, claim_id, claim_line_number, bool_or(is_judged) AS is_judged FROM run.line GROUP BY ALL) l
  ON l.claim_source = b.claim_source AND l.payer = lower(b.payer) AND l.claim_id = b.claim_id
 AND l.claim_line_number = b.claim_line_number
WHERE b.status <> 'resolved' AND b.exception_id NOT IN (SELECT exception_id FROM run.found);

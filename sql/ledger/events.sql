-- The exception ledger of one run: what changed since the as-of dates before it.
-- An exception that is as it was has no event. What a person set aside stays so, found night after
-- night or found again, as long as its reason and amount are those that were decided about, and its
-- outcome is not stronger: a term that is demoted must not bring it back. Only a moved outcome is
-- then an event.
-- is_undone: only an earlier run of this date found the exception, and a person has decided about
-- it since. It is resolved, so that the decision counts; no result of this run depends on it.
--
-- reads: every_night, every_ledger_event, every_decision, run.last_event, run.last_decision,
--        run.current_exception, run.known_medical_claim, run.known_pharmacy_claim,
--        run.changed_policy
-- makes: run.event
-- words: $night: the as-of date; $longest_chain: of claims that replace each other;
--        $as_decided: whether x says no more than what d was about.

CREATE OR REPLACE TEMP TABLE known_line AS
SELECT 'medical' AS claim_source, lower(payer) AS payer, claim_id, claim_line_number,
       original_claim_id, is_paid_history FROM run.known_medical_claim
UNION ALL
SELECT 'pharmacy', lower(payer), claim_id, claim_line_number,
       original_claim_id, is_paid_history FROM run.known_pharmacy_claim;

-- A claim that was rebilled under another id: its exception continues that of the replaced claim.
CREATE OR REPLACE TEMP TABLE continued_exception AS
WITH RECURSIVE chain AS (
    SELECT x.exception_id, l.claim_source, l.payer, l.original_claim_id AS claim_id, 1 AS steps
    FROM run.current_exception x JOIN known_line l
      ON l.claim_source = x.claim_source AND l.payer = lower(x.payer) AND l.claim_id = x.claim_id
    WHERE l.original_claim_id <> l.claim_id
      AND x.exception_id NOT IN (SELECT exception_id FROM run.last_event)
    UNION
    SELECT c.exception_id, l.claim_source, l.payer, l.original_claim_id, c.steps + 1
    FROM chain c JOIN known_line l USING (claim_source, payer, claim_id)
    WHERE l.original_claim_id <> l.claim_id AND c.steps < $longest_chain)
SELECT c.exception_id, b.exception_id AS continues
FROM chain c
JOIN run.current_exception x USING (exception_id)
JOIN run.last_event b
  ON b.claim_source = c.claim_source AND lower(b.payer) = c.payer AND b.claim_id = c.claim_id
 AND b.claim_line_number = x.claim_line_number AND b.rule_id = x.rule_id
 AND b.policy_id = x.policy_id
WHERE b.exception_id NOT IN (SELECT exception_id FROM run.current_exception)
QUALIFY row_number() OVER (PARTITION BY c.exception_id ORDER BY c.steps, b.exception_id) = 1;

CREATE OR REPLACE TABLE run.event AS
WITH compared AS (
    SELECT x.*, b.status AS status_before,
           coalesce(b.first_seen, o.first_seen, $night) AS first_seen,
           coalesce(c.continues, b.continues) AS continues,
           coalesce(b.outcome, o.outcome) AS previous_outcome,
           coalesce(b.reason, o.reason) AS previous_reason,
           CASE WHEN b.exception_id IS NULL THEN o.amount_at_risk ELSE b.amount_at_risk END
               AS previous_amount_at_risk,
           d.sets_aside,
           coalesce(d.sets_aside AND coalesce(d.until >= $night, true)
                    AND $as_decided, false) AS is_aside,
           concat_ws(', ', CASE WHEN x.outcome <> b.outcome THEN 'outcome' END,
                     CASE WHEN x.reason <> b.reason THEN 'reason' END,
                     CASE WHEN x.amount_at_risk IS DISTINCT FROM b.amount_at_risk THEN 'amount' END)
               AS changed
    FROM run.current_exception x
    LEFT JOIN run.last_event b USING (exception_id)
    LEFT JOIN continued_exception c USING (exception_id)
    LEFT JOIN run.last_event o ON o.exception_id = c.continues
    LEFT JOIN run.last_decision d ON d.exception_id = x.exception_id),
known_before AS (
    SELECT *, false AS is_undone,
           (SELECT max(as_of) FROM every_night WHERE as_of < $night) AS last_seen
    FROM run.last_event WHERE status <> 'resolved'
    UNION ALL BY NAME
    SELECT * EXCLUDE (why, last_seen), true AS is_undone, night AS last_seen
    FROM every_ledger_event
    WHERE night = $night AND exception_id IN (SELECT exception_id FROM every_decision)
      AND exception_id NOT IN (SELECT exception_id FROM run.last_event)),
gone AS (
    FROM known_before WHERE exception_id NOT IN (SELECT exception_id FROM run.current_exception)),
judged AS (
    SELECT *,
           CASE WHEN status_before IS NULL
                THEN CASE WHEN continues IS NULL THEN 'new' ELSE 'changed' END
                WHEN is_aside
                THEN CASE WHEN status_before <> 'dismissed' OR changed <> '' THEN 'dismissed' END
                WHEN status_before = 'resolved' THEN 'reopened'
                WHEN changed <> '' THEN 'changed'
                WHEN status_before = 'dismissed' THEN 'reopened' END AS status
    FROM compared),
event AS (
    SELECT exception_id, status,
           CASE WHEN status = 'changed'
                THEN CASE WHEN status_before IS NULL THEN 'rebilled' ELSE changed || ' moved' END
                WHEN status = 'reopened' AND status_before = 'resolved' THEN 'found_again'
                WHEN status = 'reopened'
                THEN CASE WHEN sets_aside THEN 'dismissal_expired' ELSE 'by_person' END
                WHEN status = 'dismissed'
                THEN CASE WHEN status_before = 'dismissed' THEN changed || ' moved'
                          ELSE 'by_person' END END AS why,
           first_seen, CAST(NULL AS DATE) AS last_seen, rule_id, policy_id, payer, member_id,
           claim_source, claim_id, claim_line_number, outcome, reason, amount_at_risk, continues,
           paid_amount, term_id, previous_outcome, previous_reason, previous_amount_at_risk,
           false AS is_undone
    FROM judged WHERE status IS NOT NULL
    UNION ALL BY NAME
    SELECT b.exception_id, 'resolved' AS status,
           CASE WHEN NOT coalesce(l.is_paid_history, false) THEN 'claim_reversed'
                WHEN b.policy_id IN (FROM run.changed_policy) THEN 'policy_changed'
                ELSE 'evidence_arrived' END AS why,
           b.first_seen, b.last_seen,
           b.rule_id, b.policy_id, b.payer, b.member_id, b.claim_source, b.claim_id,
           b.claim_line_number, b.outcome, b.reason, b.amount_at_risk, b.continues,
           b.paid_amount, b.term_id,
           b.outcome AS previous_outcome, b.reason AS previous_reason,
           b.amount_at_risk AS previous_amount_at_risk, b.is_undone
    FROM gone b
    LEFT JOIN (SELECT claim_source, payer, claim_id, claim_line_number,
                      bool_or(is_paid_history) AS is_paid_history
               FROM known_line WHERE claim_id IN (SELECT claim_id FROM gone) GROUP BY ALL) l
      ON l.claim_source = b.claim_source AND l.payer = lower(b.payer)
     AND l.claim_id = b.claim_id AND l.claim_line_number = b.claim_line_number)
SELECT $night AS night, e.*,
       d.reason AS decision_reason, d.decided_by,
       CASE WHEN d.sets_aside THEN d.until END AS dismissed_until
FROM event e
LEFT JOIN run.last_decision d
  ON d.exception_id = e.exception_id
 AND (e.status = 'dismissed' OR e.why IN ('by_person', 'dismissal_expired'));

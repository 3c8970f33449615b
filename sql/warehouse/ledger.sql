-- main.ledger: every exception ever found, as of the last night, with what persons decided since.
-- status: new, open, changed, resolved, reopened or dismissed; last_seen: the last night with it.
--
-- reads: main.night, main.ledger_event, main.decision
-- makes: main.ledger

CREATE OR REPLACE VIEW main.ledger AS
WITH last_night AS (SELECT max(as_of) AS night FROM main.night),
last_event AS (
    FROM main.ledger_event
    QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY night DESC) = 1),
last_decision AS (
    FROM main.decision
    QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY decision_no DESC) = 1)
SELECT e.exception_id, e.first_seen, coalesce(e.last_seen, n.night) AS last_seen,
       CASE WHEN e.status = 'resolved' THEN 'resolved'
            WHEN d.after_night >= e.night AND d.action = 'dismiss' THEN 'dismissed'
            WHEN d.after_night >= e.night AND d.action = 'reopen' AND e.status = 'dismissed'
            THEN 'reopened'
            WHEN e.status = 'dismissed' OR e.night = n.night THEN e.status
            ELSE 'open' END AS status,
       e.why, e.rule_id, e.policy_id, e.payer, e.member_id, e.claim_source, e.claim_id,
       e.claim_line_number, e.outcome, e.reason, e.amount_at_risk, e.continues,
       d.reason AS decision_reason, d.decided_by, d.until AS dismissed_until, d.decided_at,
       d.system_user
FROM last_event e CROSS JOIN last_night n LEFT JOIN last_decision d USING (exception_id);

-- main.ledger: every exception ever found, as of the last night, with what persons decided since.
-- status: new, open, changed, resolved, reopened or dismissed; last_seen: the last night with it;
-- decision: the latest one, unless it was taken back; recovered: the sums of all of them but
-- those that a reopening took back. Neither they nor requests for records are verdicts: what was
-- set aside stays so. What was decided before the last night is in its events. What was decided
-- since sets a finding aside that is as it was then; another run of that night may have found more.
--
-- reads: main.night, main.ledger_event, main.decision
-- makes: main.ledger
-- words: $as_decided: whether e says no more than what v was about.

CREATE OR REPLACE VIEW main.ledger AS
WITH last_night AS (SELECT max(as_of) AS night FROM main.night),
last_event AS (
    FROM main.ledger_event
    QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY night DESC) = 1),
last_decision AS (
    FROM main.decision
    QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY decision_no DESC) = 1),
in_order AS (
    SELECT *, coalesce(lag(action) OVER (PARTITION BY exception_id ORDER BY decision_no), '')
                  AS before,
           coalesce(lead(action) OVER (PARTITION BY exception_id ORDER BY decision_no), '')
                  AS after
    FROM main.decision),
verdict AS (
    SELECT exception_id, after_night, until, about_outcome, about_reason, about_amount,
           action IN ('dismiss', 'overturned') AS sets_aside
    FROM in_order
    WHERE action NOT IN ('recovered', 'request_records')
      AND NOT (action = 'reopen' AND before IN ('recovered', 'request_records'))
    QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY decision_no DESC) = 1),
recovered AS (
    SELECT exception_id, CAST(sum(amount) AS DECIMAL(18, 2)) AS recovered
    FROM in_order WHERE action = 'recovered' AND after <> 'reopen' GROUP BY exception_id)
SELECT e.exception_id, e.first_seen, coalesce(e.last_seen, n.night) AS last_seen,
       CASE WHEN e.status = 'resolved' THEN 'resolved'
            WHEN v.after_night >= n.night AND v.sets_aside AND coalesce(v.until >= n.night, true)
                 AND $as_decided
            THEN 'dismissed'
            WHEN v.after_night >= n.night AND NOT v.sets_aside AND e.status = 'dismissed'
            THEN 'reopened'
            WHEN e.status = 'dismissed' OR e.night = n.night THEN e.status
            ELSE 'open' END AS status,
       e.why, e.rule_id, e.policy_id, e.payer, e.member_id, e.claim_source, e.claim_id,
       e.claim_line_number, e.outcome, e.reason, e.amount_at_risk, e.paid_amount, e.continues,
       CASE WHEN d.action <> 'reopen' THEN d.action END AS decision,
       d.reason AS decision_reason, d.decided_by, d.decided_on, d.until, d.decided_at,
       d.system_user, CASE WHEN v.sets_aside THEN v.until END AS dismissed_until, r.recovered
FROM last_event e CROSS JOIN last_night n
LEFT JOIN last_decision d USING (exception_id) LEFT JOIN verdict v USING (exception_id)
LEFT JOIN recovered r USING (exception_id);

-- What the ledger knew before a night: all of the past that the changes of that night depend on.
-- last_decision.action is the latest. The rest is of the latest verdict: neither a sum that came
-- back nor a request for records is one, so they bring nothing back that was set aside; nor does a
-- reopening that follows them, which takes them back. last_event.found_status and found_night are
-- of the last event but a resolution: they say whether it was set aside when it was resolved.
--
-- reads: every_ledger_event, every_decision
-- makes: run.last_event, run.last_decision
-- words: $night: the as-of date.

CREATE OR REPLACE TABLE run.last_event AS
WITH found AS (
    SELECT exception_id, max(night) AS found_night, arg_max(status, night) AS found_status
    FROM every_ledger_event WHERE night < $night AND status <> 'resolved' GROUP BY exception_id)
SELECT night, exception_id, status, first_seen, rule_id, policy_id, payer, member_id, claim_source,
       claim_id, claim_line_number, outcome, reason, amount_at_risk, continues, paid_amount,
       term_id, found_status, found_night
FROM every_ledger_event LEFT JOIN found USING (exception_id) WHERE night < $night
QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY night DESC) = 1;

CREATE OR REPLACE TABLE run.last_decision AS
WITH decided AS (
    SELECT *, last_value(action) OVER (
               PARTITION BY exception_id ORDER BY decision_no
               ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS latest,
           action IN ('recovered', 'request_records')
               OR action = 'reopen' AND coalesce(lag(action) OVER (
                   PARTITION BY exception_id ORDER BY decision_no)
                   IN ('recovered', 'request_records'), false) AS is_no_verdict
    FROM every_decision WHERE after_night < $night),
verdict AS (
    FROM decided
    QUALIFY row_number() OVER (
        PARTITION BY exception_id ORDER BY is_no_verdict, decision_no DESC) = 1),
event AS (
    SELECT exception_id, night, outcome FROM every_ledger_event
    WHERE exception_id IN (SELECT exception_id FROM decided))
SELECT d.after_night, d.exception_id, d.latest AS action, d.reason, d.decided_by, d.until,
       d.action IN ('dismiss', 'overturned') AS sets_aside, e.outcome AS outcome_then
FROM verdict d
ASOF LEFT JOIN event e ON e.exception_id = d.exception_id AND e.night <= d.after_night;

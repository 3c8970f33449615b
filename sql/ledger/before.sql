-- What the ledger knew before a night: all of the past that the changes of that night depend on.
-- last_decision.action is the latest. The rest is of the latest verdict: neither a sum that came
-- back nor a request for records is one, so they bring nothing back that was set aside; nor does a
-- reopening that follows them, which takes them back.
--
-- reads: every_ledger_event, every_decision
-- makes: run.last_event, run.last_decision
-- words: $night: the as-of date.

CREATE OR REPLACE TABLE run.last_event AS
SELECT night, exception_id, status, first_seen, rule_id, policy_id, payer, member_id, claim_source,
       claim_id, claim_line_number, outcome, reason, amount_at_risk, continues, paid_amount,
       term_id
FROM every_ledger_event WHERE night < $night
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
        PARTITION BY exception_id ORDER BY is_no_verdict, decision_no DESC) = 1)
SELECT after_night, exception_id, latest AS action, reason, decided_by, until,
       action IN ('dismiss', 'overturned') AS sets_aside, about_outcome, about_reason, about_amount
FROM verdict;

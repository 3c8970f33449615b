-- What the ledger knew before a night: all of the past that the changes of that night depend on.
-- last_decision.action is the latest. The rest is of the latest verdict: neither a sum that came
-- back nor a request for records is one, so they bring nothing back that was set aside; nor does a
-- reopening that follows them, which takes them back. sets_aside is null if there is no verdict.
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
       CASE WHEN NOT is_no_verdict THEN action IN ('dismiss', 'overturned') END AS sets_aside,
       about_outcome, about_reason, about_amount
FROM verdict;

-- Without a verdict of its own, an exception of a rebilled claim is set aside as the one before it.
CREATE OR REPLACE TABLE run.last_decision AS
WITH RECURSIVE has_verdict AS (FROM run.last_decision WHERE sets_aside IS NOT NULL),
earlier AS (
    SELECT exception_id, continues FROM run.last_event
    WHERE continues IS NOT NULL AND exception_id NOT IN (SELECT exception_id FROM has_verdict)
    UNION
    SELECT e.exception_id, b.continues
    FROM earlier e JOIN run.last_event b ON b.exception_id = e.continues
    WHERE b.continues IS NOT NULL AND e.continues NOT IN (SELECT exception_id FROM has_verdict)),
taken_over AS (
    SELECT v.* REPLACE (e.exception_id AS exception_id, coalesce(d.action, v.action) AS action)
    FROM earlier e
    JOIN has_verdict v ON v.exception_id = e.continues AND v.sets_aside
    LEFT JOIN run.last_decision d ON d.exception_id = e.exception_id)
FROM taken_over
UNION ALL
FROM run.last_decision WHERE exception_id NOT IN (SELECT exception_id FROM taken_over);

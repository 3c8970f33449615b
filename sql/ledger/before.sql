-- What the ledger knew before a night: all of the past that the changes of that night depend on.
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
SELECT after_night, exception_id, action, reason, decided_by, until,
       action IN ('dismiss', 'overturned') AS sets_aside
FROM every_decision WHERE after_night < $night
QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY decision_no DESC) = 1;

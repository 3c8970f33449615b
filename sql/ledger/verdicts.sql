-- What persons found of each exception before a night: its last verdict, and what came back.
-- verdict: confirm, upheld, overturned or dismiss; null if there is none, or if it was taken back.
-- Money that came back without another verdict confirms the finding. A reopening that follows a sum
-- or a request for records takes only that back.
--
-- reads: every_ledger_event, every_decision
-- words: $night: the as-of date; $wanted: which exceptions are wanted.

WITH in_order AS (
    SELECT *, coalesce(lag(action) OVER (PARTITION BY exception_id ORDER BY decision_no), '')
                  AS before,
           coalesce(lead(action) OVER (PARTITION BY exception_id ORDER BY decision_no), '')
                  AS after
    FROM every_decision WHERE after_night < $night),
decided AS (
    SELECT exception_id,
           arg_max(action, decision_no) FILTER (
               action NOT IN ('recovered', 'request_records')
               AND NOT (action = 'reopen' AND before IN ('recovered', 'request_records'))
           ) AS verdict,
           CAST(sum(amount) FILTER (action = 'recovered' AND after <> 'reopen')
                AS DECIMAL(18, 2)) AS recovered
    FROM in_order GROUP BY exception_id),
last_event AS (
    SELECT exception_id, rule_id, reason, policy_id, term_id, payer, claim_source, member_id,
           claim_id, claim_line_number, amount_at_risk
    FROM every_ledger_event WHERE night < $night AND $wanted
    QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY night DESC) = 1)
SELECT e.*, d.recovered,
       CASE WHEN d.verdict = 'reopen' THEN NULL
            WHEN d.verdict IS NULL AND d.recovered IS NOT NULL THEN 'confirm'
            ELSE d.verdict END AS verdict
FROM last_event e LEFT JOIN decided d USING (exception_id);

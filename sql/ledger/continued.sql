-- Exceptions of claims that were rebilled under another id: each continues that of the same line,
-- rule and policy of the replaced claim.
--
-- reads: run.last_event, run.current_exception, run.known_medical_claim, run.known_pharmacy_claim
-- makes: run.known_claim_line, run.continued_exception
-- words: $longest_chain: of claims that replace each other.

CREATE OR REPLACE TABLE run.known_claim_line AS
SELECT 'medical' AS claim_source, lower(payer) AS payer, claim_id, claim_line_number,
       original_claim_id, is_paid_history FROM run.known_medical_claim
UNION ALL
SELECT 'pharmacy', lower(payer), claim_id, claim_line_number,
       original_claim_id, is_paid_history FROM run.known_pharmacy_claim;

CREATE OR REPLACE TABLE run.continued_exception AS
WITH RECURSIVE chain AS (
    SELECT x.exception_id, l.claim_source, l.payer, l.original_claim_id AS claim_id, 1 AS steps
    FROM run.current_exception x JOIN run.known_claim_line l
      ON l.claim_source = x.claim_source AND l.payer = lower(x.payer) AND l.claim_id = x.claim_id
    WHERE l.original_claim_id <> l.claim_id
      AND x.exception_id NOT IN (SELECT exception_id FROM run.last_event)
    UNION
    SELECT c.exception_id, l.claim_source, l.payer, l.original_claim_id, c.steps + 1
    FROM chain c JOIN run.known_claim_line l USING (claim_source, payer, claim_id)
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

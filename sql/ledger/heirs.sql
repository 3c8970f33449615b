-- Lines for which a sum counts that came back for a line of an earlier claim: the lines of the
-- same person that are paid now, on any claim that it was rebilled as.
-- One row per sum and line. place: the order in which lines take their share, from 1. The line
-- itself comes first, then lines of its number, then lines with an exception, the largest amount
-- at risk first.
--
-- reads: back (one row per exception for which a sum came back, as RECOVERED has
--        them, with payer_id), family (pairs of claims, as families.sql gives them),
--        run.settled_medical_claim, run.settled_pharmacy_claim, run.current_exception

WITH settled AS (
    SELECT 'medical' AS claim_source, payer, payer_id, person, member_id, claim_id,
           claim_line_number, is_paid_history, netted_paid_amount
    FROM run.settled_medical_claim WHERE claim_id IN (SELECT claim_id FROM family)
    UNION ALL
    SELECT 'pharmacy', payer, payer_id, person, member_id, claim_id,
           claim_line_number, is_paid_history, netted_paid_amount
    FROM run.settled_pharmacy_claim WHERE claim_id IN (SELECT claim_id FROM family)),
person AS (
    SELECT DISTINCT b.exception_id, s.person
    FROM back b JOIN settled s
      ON s.claim_source = b.claim_source AND s.payer_id = b.payer_id
     AND s.member_id = b.member_id AND s.claim_id = b.claim_id)
SELECT b.exception_id, b.recovered, s.payer, s.member_id, s.claim_source, s.claim_id,
       s.claim_line_number, s.netted_paid_amount AS paid,
       row_number() OVER (
           PARTITION BY b.exception_id
           ORDER BY s.claim_id <> b.claim_id, s.claim_line_number <> b.claim_line_number,
                    x.claim_id IS NULL, x.at_risk DESC NULLS LAST, s.claim_id,
                    s.claim_line_number, s.member_id) AS place
FROM back b
JOIN person p USING (exception_id)
JOIN family f ON f.claim_source = b.claim_source AND f.payer_id = b.payer_id
             AND f.seed_claim_id = b.claim_id
JOIN settled s ON s.claim_source = f.claim_source AND s.payer_id = f.payer_id
              AND s.claim_id = f.claim_id AND s.person = p.person
LEFT JOIN (SELECT claim_source, lower(payer) AS payer, member_id, claim_id, claim_line_number,
                  max(amount_at_risk) AS at_risk
           FROM run.current_exception GROUP BY ALL) x
  ON x.claim_source = s.claim_source AND x.payer = lower(s.payer) AND x.member_id = s.member_id
 AND x.claim_id = s.claim_id AND x.claim_line_number = s.claim_line_number
WHERE s.is_paid_history;

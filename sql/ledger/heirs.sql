-- Lines for which a sum counts that came back for a line of an earlier claim: the lines of the
-- same person that are paid now, on the claim or any that it was rebilled as.
-- If there is none, it counts for the one line, if it is the only one, that bears the same product
-- and service date, and was paid when all rows of the earlier claim were there: it was reversed and
-- billed anew without naming an original.
-- One row per sum and line. place: the order in which lines take their share, from 1. The line
-- itself comes first, then lines of its number, then lines with an exception, the largest amount
-- at risk first. room: how much of such sums counts for the line; of the line itself what was paid.
--
-- reads: back (one row per exception for which a sum came back, as RECOVERED has
--        them, with payer_id), family (claims, as families.sql gives them),
--        run.settled_medical_claim, run.settled_pharmacy_claim, run.current_exception

WITH RECURSIVE
every_row AS (
    SELECT 'medical' AS claim_source, payer, payer_id, person, member_id, claim_id,
           claim_line_number, original_claim_id, service_date, hcpcs_code AS product, paid_date,
           is_paid_history, netted_paid_amount
    FROM run.settled_medical_claim
    UNION ALL
    SELECT 'pharmacy', payer, payer_id, person, member_id, claim_id,
           claim_line_number, original_claim_id, service_date, ndc_code, paid_date,
           is_paid_history, netted_paid_amount
    FROM run.settled_pharmacy_claim),
of_family AS (FROM every_row SEMI JOIN family USING (claim_source, payer_id, claim_id)),
link AS (
    SELECT DISTINCT claim_source, payer_id, person, claim_id, original_claim_id AS other
    FROM of_family WHERE original_claim_id <> claim_id
    UNION
    SELECT claim_source, payer_id, person, original_claim_id, claim_id
    FROM of_family WHERE original_claim_id <> claim_id),
own AS (
    SELECT b.exception_id, s.claim_source, s.payer_id, s.person, s.claim_id,
           any_value(s.service_date ORDER BY s.paid_date DESC NULLS LAST)
               FILTER (s.claim_line_number = b.claim_line_number) AS service_date,
           any_value(s.product ORDER BY s.paid_date DESC NULLS LAST)
               FILTER (s.claim_line_number = b.claim_line_number) AS product,
           max(s.paid_date) AS last_paid
    FROM back b JOIN of_family s USING (claim_source, payer_id, member_id, claim_id)
    GROUP BY ALL),
rebilled AS (
    SELECT exception_id, claim_source, payer_id, person, claim_id FROM own
    UNION
    SELECT r.exception_id, r.claim_source, r.payer_id, r.person, l.other
    FROM rebilled r JOIN link l USING (claim_source, payer_id, person, claim_id)),
heir AS (
    SELECT r.exception_id, s.*
    FROM rebilled r JOIN of_family s USING (claim_source, payer_id, person, claim_id)
    WHERE s.is_paid_history),
anew AS (
    SELECT o.exception_id, s.*
    FROM own o JOIN every_row s USING (claim_source, payer_id, person, service_date, product)
    WHERE s.is_paid_history AND s.paid_date >= o.last_paid
      AND o.exception_id NOT IN (SELECT exception_id FROM heir)
    QUALIFY count(*) OVER (PARTITION BY o.exception_id) = 1),
risk AS (
    SELECT claim_source, lower(payer) AS payer, member_id, claim_id, claim_line_number,
           coalesce(max(amount_at_risk), 0) AS at_risk
    FROM run.current_exception GROUP BY ALL)
SELECT b.exception_id, b.recovered, s.payer, s.member_id, s.claim_source, s.claim_id,
       s.claim_line_number,
       least(s.netted_paid_amount,
             CASE WHEN s.claim_id <> b.claim_id OR s.claim_line_number <> b.claim_line_number
                  THEN coalesce(x.at_risk, 0) END) AS room,
       row_number() OVER (
           PARTITION BY b.exception_id
           ORDER BY s.claim_id <> b.claim_id, s.claim_line_number <> b.claim_line_number,
                    x.at_risk DESC NULLS LAST, s.claim_id, s.claim_line_number, s.member_id
       ) AS place
FROM back b
JOIN (FROM heir UNION ALL BY NAME FROM anew) s USING (exception_id)
LEFT JOIN risk x
  ON x.claim_source = s.claim_source AND x.payer = lower(s.payer) AND x.member_id = s.member_id
 AND x.claim_id = s.claim_id AND x.claim_line_number = s.claim_line_number;

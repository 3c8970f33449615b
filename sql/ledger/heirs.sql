-- Lines for which a sum may count that came back for a line of an earlier claim: the lines of the
-- same person that are paid now, on the claim or any that it was rebilled as.
-- One row per sum and line. is_own: the line that it came back for; has_number: one of its number;
-- paid: what was paid for the line.
--
-- reads: back (one row per exception for which a sum came back, as RECOVERED has
--        them, with payer_id), family (claims, as families.sql gives them),
--        run.settled_medical_claim, run.settled_pharmacy_claim

WITH RECURSIVE
of_family AS (
    SELECT 'medical' AS claim_source, payer, payer_id, person, member_id, claim_id,
           claim_line_number, original_claim_id, is_paid_history, netted_paid_amount
    FROM run.settled_medical_claim WHERE claim_id IN (SELECT claim_id FROM family)
    UNION ALL
    SELECT 'pharmacy', payer, payer_id, person, member_id, claim_id,
           claim_line_number, original_claim_id, is_paid_history, netted_paid_amount
    FROM run.settled_pharmacy_claim WHERE claim_id IN (SELECT claim_id FROM family)),
claim AS (SELECT DISTINCT claim_source, payer_id, person, claim_id FROM of_family),
stated AS (  -- two claims that name one that is not there may have nothing to do with each other
    SELECT DISTINCT s.claim_source, s.payer_id, s.person, s.claim_id, s.original_claim_id
    FROM of_family s JOIN claim o
      ON o.claim_source = s.claim_source AND o.payer_id = s.payer_id AND o.person = s.person
     AND o.claim_id = s.original_claim_id
    WHERE s.original_claim_id <> s.claim_id),
link AS (
    SELECT claim_source, payer_id, person, claim_id, original_claim_id AS other FROM stated
    UNION
    SELECT claim_source, payer_id, person, original_claim_id, claim_id FROM stated),
rebilled AS (
    SELECT DISTINCT b.exception_id, s.claim_source, s.payer_id, s.person, s.claim_id
    FROM back b JOIN of_family s USING (claim_source, payer_id, member_id, claim_id)
    UNION
    SELECT r.exception_id, r.claim_source, r.payer_id, r.person, l.other
    FROM rebilled r JOIN link l USING (claim_source, payer_id, person, claim_id))
SELECT b.exception_id, b.recovered, s.payer, s.member_id, s.claim_source, s.claim_id,
       s.claim_line_number, s.netted_paid_amount AS paid,
       s.claim_line_number = b.claim_line_number AS has_number,
       has_number AND s.claim_id = b.claim_id AS is_own
FROM back b
JOIN rebilled r USING (exception_id)
JOIN of_family s ON s.claim_source = r.claim_source AND s.payer_id = r.payer_id
                AND s.person = r.person AND s.claim_id = r.claim_id
WHERE s.is_paid_history;

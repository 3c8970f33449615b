-- Lines for which a sum may count that came back for a line: those of the same person that are paid
-- now, on its claim or any that it was rebilled as, and those that its rule accuses now because of
-- one of these.
-- One row per sum and line. is_accused: the rule accuses it so, or because of itself; is_family: a
-- line of its claim, or of one that it was rebilled as; is_own: the line itself; has_number: a line
-- of its number; paid: what was paid for it.
--
-- reads: back (one row per exception for which a sum came back, as RECOVERED has
--        them, with payer_id), accused (rule_id, the line that the rule accuses: claim_source,
--        payer_id, claim_id, claim_line_number; because_of, because_of_line: another
--        line of that source and payer), family (claims, as families.sql gives
--        them, and those of accused), run.settled_medical_claim, run.settled_pharmacy_claim

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
    FROM rebilled r JOIN link l USING (claim_source, payer_id, person, claim_id)),
numbered AS (  -- claims with a paid line of the number: of a rebilled one without, any line will do
    SELECT b.exception_id, s.claim_id
    FROM back b
    JOIN rebilled r USING (exception_id)
    JOIN of_family s ON s.claim_source = r.claim_source AND s.payer_id = r.payer_id
                    AND s.person = r.person AND s.claim_id = r.claim_id
                    AND s.claim_line_number = b.claim_line_number
    WHERE s.is_paid_history),
heir AS (
    SELECT r.exception_id, s.*, false AS is_accused
    FROM rebilled r JOIN of_family s USING (claim_source, payer_id, person, claim_id)
    WHERE s.is_paid_history
    UNION ALL
    SELECT b.exception_id, s.*, true
    FROM back b
    JOIN rebilled r USING (exception_id)
    JOIN accused a ON a.rule_id = b.rule_id AND a.claim_source = r.claim_source
                  AND a.payer_id = r.payer_id AND a.because_of = r.claim_id
                  AND (a.because_of_line = b.claim_line_number
                       OR (r.claim_id <> b.claim_id
                           AND (b.exception_id, r.claim_id) NOT IN (FROM numbered)))
    JOIN of_family s ON s.claim_source = a.claim_source AND s.payer_id = a.payer_id
                    AND s.claim_id = a.claim_id AND s.claim_line_number = a.claim_line_number
                    AND s.person = r.person
    WHERE s.is_paid_history)
SELECT b.exception_id, b.rule_id, b.recovered, h.payer, h.member_id, h.claim_source, h.claim_id,
       h.claim_line_number, h.netted_paid_amount AS paid,
       h.claim_line_number = b.claim_line_number AS has_number,
       has_number AND h.claim_id = b.claim_id AS is_own,
       bool_or(h.is_accused) AS is_accused, bool_or(NOT h.is_accused) AS is_family
FROM back b JOIN heir h USING (exception_id)
GROUP BY ALL;

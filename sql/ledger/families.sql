-- Claims that were rebilled as one another: each claim of `seed` (claim_source, payer, claim_id)
-- with itself and every claim that names it, or that it names, as the original, in any number of
-- steps. payer is in lower case.
--
-- reads: every_medical_claim, every_pharmacy_claim

WITH RECURSIVE
stated AS (
    SELECT DISTINCT 'medical' AS claim_source, lower(payer) AS payer, claim_id, original_claim_id
    FROM every_medical_claim WHERE original_claim_id <> claim_id
    UNION ALL
    SELECT DISTINCT 'pharmacy', lower(payer), claim_id, original_claim_id
    FROM every_pharmacy_claim WHERE original_claim_id <> claim_id),
link AS (
    FROM stated
    UNION ALL
    SELECT claim_source, payer, original_claim_id, claim_id FROM stated),
family AS (
    SELECT DISTINCT claim_source, lower(payer) AS payer, claim_id AS seed_claim_id, claim_id
    FROM seed
    UNION
    SELECT f.claim_source, f.payer, f.seed_claim_id, l.original_claim_id
    FROM family f JOIN link l USING (claim_source, payer, claim_id))
FROM family;

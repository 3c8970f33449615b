-- Claims that were rebilled as one another, in any number of steps: those of `seed` with every
-- claim that names one of them as its original, and with the originals that they name.
-- One row per claim: claim_source, payer_id, claim_id.
--
-- reads: seed (claim_source, payer_id, claim_id: claims to look for), payer_of (payer, as
--        claims write it, and payer_id), every_medical_claim, every_pharmacy_claim

WITH RECURSIVE
claim AS (
    SELECT 'medical' AS claim_source, payer, claim_id, original_claim_id FROM every_medical_claim
    UNION ALL
    SELECT 'pharmacy', payer, claim_id, original_claim_id FROM every_pharmacy_claim),
stated AS (
    SELECT DISTINCT claim_source, payer_id, claim_id, original_claim_id
    FROM claim JOIN payer_of USING (payer)
    WHERE original_claim_id <> claim_id),
link AS (
    FROM stated
    UNION ALL
    SELECT claim_source, payer_id, original_claim_id, claim_id FROM stated),
family AS (
    SELECT DISTINCT claim_source, payer_id, claim_id FROM seed
    UNION
    SELECT f.claim_source, f.payer_id, l.original_claim_id
    FROM family f JOIN link l USING (claim_source, payer_id, claim_id))
FROM family;

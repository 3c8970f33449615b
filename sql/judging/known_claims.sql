-- Claim rows of affected persons known on the as-of date, exact duplicates left out, with what became of them.
-- known_$table  grain: row. fate: history, superseded, reversed or denied; figures are netted where a key was.
-- inputs: gathered_$table, run.affected_member, run.affected_person, run.sole_person, run.payer, run.${table}_fate

CREATE OR REPLACE TEMP VIEW known_$table AS
SELECT k.* EXCLUDE (fee),
       CAST(k.quantity * 1000 AS BIGINT) AS quantity_milli,
       CAST(k.paid_amount * 100 AS BIGINT) AS paid_cents,
       CAST(k.fee * 100 AS BIGINT) AS fee_cents
FROM (
    SELECT t.* EXCLUDE (file_no, row_number, member_hash, person_id, $quantity, paid_amount),
           coalesce(t.person_id, s.sole_person_id, t.member_id) AS person,
           p.payer_id,
           $service_date AS service_date,
           coalesce(f.fate, 'history') AS fate,
           CASE WHEN f.is_netted THEN f.netted_quantity ELSE t.$quantity END AS quantity,
           CASE WHEN f.is_netted THEN f.netted_paid_amount ELSE t.paid_amount END AS paid_amount,
           CASE WHEN f.is_netted THEN f.netted_fee ELSE $fee END AS fee
    FROM gathered_$table t
    JOIN run.payer p ON p.name = lower(t.payer)
    LEFT JOIN run.sole_person s ON s.member_id = t.member_id
    LEFT JOIN run.${table}_fate f ON f.file_no = t.file_no AND f.row_number = t.row_number
    WHERE $service_date <= $as_of AND t.member_hash IN (SELECT member_hash FROM run.affected_member)
) k
WHERE k.fate <> 'duplicate' AND k.person IN (FROM run.affected_person);

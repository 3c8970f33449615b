-- Claim rows of the persons to be judged that are known on the as-of date; no exact duplicates.
-- fate: history, superseded, reversed or denied. Figures are netted.
--
-- reads: run.settled_cached_$table, run.judged_person
-- words: $table; $as_of; $quantity: the column of the table's quantity; $of_part: a condition on
--        `bucket`, the persons who are read.

SELECT k.* EXCLUDE (file_no, row_number, member_hash, person_id, $quantity, paid_amount,
                    service_date, person, payer_id, fate, is_netted, shares_key,
                    netted_quantity, netted_paid_amount, netted_fee, is_paid_history),
       k.person, k.payer_id, k.service_date, k.fate, k.shares_key, k.is_netted,
       k.netted_quantity AS quantity,
       k.netted_paid_amount AS paid_amount,
       CAST(k.netted_quantity * 1000 AS BIGINT) AS quantity_milli,
       CAST(k.netted_paid_amount * 100 AS BIGINT) AS paid_cents,
       CAST(k.netted_fee * 100 AS BIGINT) AS fee_cents,
       k.is_paid_history
FROM run.settled_cached_$table k
WHERE k.service_date <= $as_of AND k.fate <> 'duplicate'
  AND k.person IN (SELECT person FROM run.judged_person WHERE $of_part)

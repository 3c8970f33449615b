-- Claim rows of one claim table with who they are about and what became of them. This is the one
-- place that says so: a row without a fate of its own is what it is if looked at alone.
-- A paid_date after the as-of date is not known yet.
-- is_paid_history: whether rules judge the line, if it is of an audited drug.
--
-- reads: $rows, run.payer, run.sole_person, run.${table}_fate, run.person_of
-- makes: $settled
-- words: $table; $rows: every row of the table, or those cached for judging; $as_of; $quantity,
--        $fee, $plain_fate: expressions over a row; $is_paid: a condition on its netted amount.

CREATE OR REPLACE VIEW $settled AS
SELECT *, fate = 'history' AND $is_paid AS is_paid_history
FROM (SELECT t.* REPLACE (CASE WHEN t.paid_date <= $as_of THEN t.paid_date END AS paid_date),
             run.person_of(t.person_id, s.sole_person_id, t.member_id) AS person,
             p.payer_id,
             CASE WHEN f.file_no IS NULL THEN $plain_fate ELSE f.fate END AS fate,
             coalesce(f.is_netted, false) AS is_netted,
             coalesce(f.shares_key, false) AS shares_key,
             CASE WHEN f.file_no IS NULL THEN $quantity ELSE f.quantity END AS netted_quantity,
             CASE WHEN f.file_no IS NULL THEN t.paid_amount ELSE f.paid_amount END
                 AS netted_paid_amount,
             CASE WHEN f.file_no IS NULL THEN $fee ELSE f.fee END AS netted_fee
      FROM $rows t
      JOIN run.payer p ON p.name = lower(t.payer)
      LEFT JOIN run.sole_person s ON s.member_id = t.member_id
      LEFT JOIN run.${table}_fate f ON f.file_no = t.file_no AND f.row_number = t.row_number);

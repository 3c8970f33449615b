-- Rows of one claim table of the members of some judged persons: found before they are settled, so
-- that rows of others are not joined.
--
-- reads: run.every_cached_$table, run.judged_member
-- makes: run.part_$table
-- words: $table; $of_part: a condition on `bucket`, the persons who are read.

CREATE OR REPLACE VIEW run.part_$table AS
FROM run.every_cached_$table
WHERE member_hash IN (SELECT member_hash FROM run.judged_member WHERE $of_part);

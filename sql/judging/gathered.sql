-- Rows of one table ($table) of the members of affected persons, gathered so that a night need not read everybody's for them.
-- run.${table}_gathered  grain: row that was not gathered before; gathered_$table has all of them.
-- inputs: every_$table, run.gathered_member, run.ungathered_member. $looked_at: files that the remembered night did not know;
-- $rows_before: the rows that it gathered.

CREATE OR REPLACE TABLE run.ungathered_place AS
SELECT place FROM every_$table WHERE NOT ($looked_at) AND member_hash IN (SELECT member_hash FROM run.ungathered_member);

CREATE OR REPLACE TABLE run.${table}_gathered AS
SELECT * EXCLUDE (row_hash, notes, raw_record, place) FROM every_$table
WHERE $looked_at AND member_hash IN (SELECT member_hash FROM run.gathered_member)
UNION ALL
SELECT * EXCLUDE (row_hash, notes, raw_record, place) FROM every_$table
WHERE place IN (SELECT place FROM run.ungathered_place)
  AND NOT ($looked_at) AND member_hash IN (SELECT member_hash FROM run.ungathered_member);

CREATE OR REPLACE TEMP VIEW gathered_$table AS FROM run.${table}_gathered $rows_before;

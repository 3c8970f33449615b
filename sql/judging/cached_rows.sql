-- Rows of one table of the members who were ever judged, cached so that later runs need not read
-- everybody's rows to find them.
--
-- reads: every_$table, run.cached_member, run.newly_cached_member,
--        run.new_file (in $looked_at), kept.main.cached_$table (in $cached_before)
-- makes: run.cached_$table, run.every_cached_$table
-- words: $table; $looked_at: a condition on rows, the files that earlier runs did not know;
--        $cached_before: the rows that earlier runs cached.

CREATE OR REPLACE TEMP TABLE uncached_place AS
SELECT place FROM every_$table
WHERE NOT ($looked_at) AND member_hash IN (SELECT member_hash FROM run.newly_cached_member);

CREATE OR REPLACE TABLE run.cached_$table AS
SELECT * EXCLUDE (row_hash, notes, raw_record, place) FROM every_$table
WHERE $looked_at AND member_hash IN (SELECT member_hash FROM run.cached_member)
UNION ALL
SELECT * EXCLUDE (row_hash, notes, raw_record, place) FROM every_$table
WHERE place IN (SELECT place FROM uncached_place)
  AND NOT ($looked_at) AND member_hash IN (SELECT member_hash FROM run.newly_cached_member);

CREATE OR REPLACE VIEW run.every_cached_$table AS
FROM run.cached_$table UNION ALL BY NAME FROM $cached_before;

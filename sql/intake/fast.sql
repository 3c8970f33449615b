-- Macros of the fast path: they give what those of parse.sql give, at less cost for most values.
--
-- words: $icd10cm_undotted: the shape of an ICD-10-CM code with a subdivision and without its dot;
--        $placeholder: a pattern of schemas/senders.py.

-- Whether a text is what the engine itself writes for a value, or neither is there.
CREATE OR REPLACE TEMP MACRO is_written(v, value) AS
    v IS NULL OR coalesce(CAST(value AS VARCHAR) = v, false);

-- Words for nothing begin with 0 or a sign below 1, or are words of at most seven letters: most
-- identifiers need no pattern.
CREATE OR REPLACE TEMP MACRO means_nothing(v) AS
    CASE WHEN v >= '1' AND (v < ':' OR length(v) > 7) THEN false
         ELSE coalesce(regexp_full_match(lower(v), $placeholder), false) END;

-- Whether a text may need cleaning; a name, an identifier or code, may also be made a number. The
-- engine asks functions of one argument that cannot fail, such as regexp_extract, once for each
-- entry of a column's dictionary; regexp_matches it asks for every row.
CREATE OR REPLACE TEMP MACRO may_be_unclean(v) AS
    regexp_extract(v, '^[^ \t\r\n\x{a0}](?s:.*[^ \t\r\n\x{a0}])?$$') = '' OR lower(v) = 'null';

CREATE OR REPLACE TEMP MACRO name_may_be_unclean(v) AS
    regexp_extract(v, '^[^ \t\r\n\x{a0}.+]+$$') = '' OR lower(v) = 'null';

-- The same of any of several names that are not empty: put together, they need no pattern.
CREATE OR REPLACE TEMP MACRO names_may_be_unclean(v) AS
    contains(v, ' ') OR contains(v, chr(9)) OR contains(v, chr(10)) OR contains(v, chr(13))
    OR contains(v, chr(160)) OR contains(v, '.') OR contains(v, '+')
    OR contains(v, 'll') OR contains(v, 'LL') OR contains(v, 'lL') OR contains(v, 'Ll');

CREATE OR REPLACE TEMP MACRO fast_icd10cm(v) AS
    CASE WHEN contains(v, '.') THEN upper(v)
         WHEN regexp_extract(v, '^' || $icd10cm_undotted || '$$') <> ''
         THEN concat(left(v, 3), '.', substr(v, 4))
         ELSE as_icd10cm(v) END;

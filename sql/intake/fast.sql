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

CREATE OR REPLACE TEMP MACRO fast_icd10cm(v) AS
    CASE WHEN contains(v, '.') THEN upper(v)
         WHEN regexp_full_match(v, $icd10cm_undotted)
         THEN concat(left(v, 3), '.', substr(v, 4))
         ELSE as_icd10cm(v) END;

-- SPDX-License-Identifier: Apache-2.0
-- Search of the catalog by words; of offers, what their terms grant.

-- Words as they are compared, in whatever language: compatibility forms unified, marks above and below letters
-- dropped, lower case. Scripts that write no spaces are taken apart, each sign for itself, joined by what the parser
-- reads as one phrase: so any part of such a text is found.
CREATE FUNCTION search_text(words text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN regexp_replace(
        lower(normalize(regexp_replace(normalize(words, NFKD), U&'[\0300-\036F]', '', 'g'), NFKC) COLLATE "und-x-icu"),
        U&'([\0E00-\0EFF\1000-\109F\1780-\17FF\3040-\30FF\3400-\4DBF\4E00-\9FFF\F900-\FAFF\AC00-\D7AF'
        '\+020000-\+03FFFF])', '_\1_', 'g');

-- Two readings of each text: every word as it is written, and by its English stem, for that is what most of the
-- catalog's prose is in. A search asks for either, so nothing that is written is ever missed. Punctuation is taken out
-- first: what the parser makes of hyphens, addresses and tags helps nobody here, and takes it time beyond measure.
CREATE FUNCTION search_vector(words text, weight "char") RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN setweight(
        to_tsvector('pg_catalog.simple'::regconfig,
                    translate(search_text(words), '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32)))
        || to_tsvector('pg_catalog.english'::regconfig,
                       translate(search_text(words), '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32))), weight);

-- What joins the parts of one word makes them a phrase; quotes, `or` and a minus before a word mean what people expect.
-- Of empty quotes and of a minus before a minus the parser keeps a stack, and fails when it is full: they go first.
CREATE FUNCTION search_wish(words text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN regexp_replace(regexp_replace(
        regexp_replace(search_text(words), '(?<=\w)[-!#$%&''()*+,./:;<=>?@[\\\]^`{|}~]+(?=\w)', '_', 'g'),
        '"[^\w"]*"', ' ', 'g'), '-([^\w"]*-)+', '-', 'g');

-- Never fails, whatever is asked.
CREATE FUNCTION search_query(words text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN websearch_to_tsquery('pg_catalog.simple'::regconfig, search_wish(words))
           || websearch_to_tsquery('pg_catalog.english'::regconfig, search_wish(words));

CREATE FUNCTION search_languages(languages text[]) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN array_to_string(languages, ' ');

-- What ranks: short enough to be read for each dataset found.
ALTER TABLE dataset ADD COLUMN lead tsvector NOT NULL GENERATED ALWAYS AS (
    search_vector(title, 'A') || search_vector(name, 'A') || search_vector(owner, 'B')
    || search_vector(search_languages(languages), 'B') || search_vector(description, 'C')) STORED;
ALTER TABLE dataset ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (
    search_vector(title, 'A') || search_vector(name, 'A') || search_vector(owner, 'B')
    || search_vector(search_languages(languages), 'B') || search_vector(description, 'C')
    || search_vector(left(card, 65536), 'D')) STORED;
COMMENT ON COLUMN dataset.lead IS 'Words of title, name, owner, languages and description: what ranks.';
COMMENT ON COLUMN dataset.words IS 'The same with those of the card: what is found.';
-- Without a list of what is pending, which each search would have to read through.
CREATE INDEX dataset_words ON dataset USING gin (words) WITH (fastupdate = off) WHERE state = 'listed';

-- The right operand of a constraint of terms that were read and written by us.
CREATE FUNCTION terms_operand(terms text, operand text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN jsonb_path_query_first(terms::jsonb, '$.permission[0].constraint[*] ? (@.leftOperand == $name).rightOperand',
                                  jsonb_build_object('name', operand));
CREATE FUNCTION terms_codes(terms text, operand text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(SELECT jsonb_array_elements_text(terms_operand(terms, operand)));
CREATE FUNCTION terms_until(terms text) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (terms_operand(terms, 'dateTime') ->> '@value')::timestamptz;

ALTER TABLE offer ADD COLUMN purposes text[] NOT NULL GENERATED ALWAYS AS (terms_codes(terms, 'purpose')) STORED;
ALTER TABLE offer ADD COLUMN territories text[] NOT NULL GENERATED ALWAYS AS (terms_codes(terms, 'spatial')) STORED;
ALTER TABLE offer ADD COLUMN grants_until timestamptz NOT NULL GENERATED ALWAYS AS (terms_until(terms)) STORED;
COMMENT ON COLUMN offer.purposes IS 'Purposes that its terms grant, for filters of the catalog.';
COMMENT ON COLUMN offer.territories IS 'Territories that its terms grant, as written there.';
COMMENT ON COLUMN offer.grants_until IS 'Until when its terms grant anything.';

// Conditions and ranges in random combinations, beside a reference that is written from the text of RFC 9110 §13 and §14. The
// reference knows what a field means, since it makes the field; the plugin has to read it.
#include "conditional.hpp"
#include "date.hpp"
#include "range.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace http;

namespace {

constexpr std::int64_t today = 1'700'000'000;

struct Tag {
    bool weak;
    char name;
    std::string text() const { return std::string(weak ? "W/" : "") + '"' + name + '"'; }
};

// §8.8.3.2
bool strongly_equal(const Tag& a, const Tag& b) { return !a.weak && !b.weak && a.name == b.name; }
bool weakly_equal(const Tag& a, const Tag& b) { return a.name == b.name; }

struct Tags {
    bool any = false; // "*"
    std::vector<Tag> list;
    std::string text() const {
        std::string text = any ? "*" : "";
        for (const Tag& tag : list) text += (text.empty() ? "" : ", ") + tag.text();
        return text;
    }
    template <class Equal>
    bool have(const std::optional<Tag>& current, Equal equal) const {
        return any || (current && std::ranges::any_of(list, [&](const Tag& tag) { return equal(tag, *current); }));
    }
};

struct Spec { // of a range: from the first byte on or to the last one, or of the last so many
    std::optional<std::uint64_t> first, last;
    std::string text() const { return (first ? std::to_string(*first) : "") + '-' + (last ? std::to_string(*last) : ""); }
};

struct Case {
    std::optional<Tag> tag; // of the file
    std::optional<std::int64_t> modified;
    std::uint64_t size = 0;
    std::optional<Tags> if_match, if_none_match;
    std::optional<std::int64_t> if_unmodified_since, if_modified_since;
    std::optional<Tag> if_range_tag;
    std::optional<std::int64_t> if_range_date;
    std::vector<Spec> ranges; // empty: no Range field
};

struct Outcome {
    int status = 200;
    std::vector<ByteRange> ranges;
    bool operator==(const Outcome&) const = default;
};

Outcome reference(const Case& c) {
    // §13.2.2, steps 1 to 4.
    if (c.if_match) {
        if (!c.if_match->have(c.tag, strongly_equal)) return {412, {}};
    } else if (c.if_unmodified_since && c.modified && *c.modified > *c.if_unmodified_since) {
        return {412, {}};
    }
    if (c.if_none_match) {
        if (c.if_none_match->have(c.tag, weakly_equal)) return {304, {}};
    } else if (c.if_modified_since && c.modified && *c.modified <= *c.if_modified_since) {
        return {304, {}};
    }
    // Step 5.
    if (c.ranges.empty()) return {};
    if (c.if_range_tag && !(c.tag && strongly_equal(*c.if_range_tag, *c.tag))) return {};
    if (c.if_range_date && c.if_range_date != c.modified) return {};
    // §14.1.2
    std::vector<ByteRange> found;
    std::uint64_t total = 0;
    for (const Spec& spec : c.ranges) {
        if (spec.first && spec.last && *spec.last < *spec.first) return {}; // invalid
        if (spec.first ? *spec.first >= c.size : *spec.last == 0 || c.size == 0) continue;
        const std::uint64_t first = spec.first ? *spec.first : c.size - std::min(*spec.last, c.size);
        const std::uint64_t last = spec.first && spec.last ? std::min(*spec.last, c.size - 1) : c.size - 1;
        found.push_back({first, last});
        total += last - first + 1;
    }
    const bool suffix_of_nothing =
        c.size == 0 && std::ranges::any_of(c.ranges, [](const Spec& spec) {
            return !spec.first && *spec.last > 0; // the README: the last bytes of an empty file are all of it
        });
    if (found.empty()) return suffix_of_nothing ? Outcome{} : Outcome{416, {}};
    if (total > c.size) return {}; // §14.2: a server may ignore what costs too much
    return {206, found};
}

Outcome tried(const Case& c) {
    Request request;
    if (c.if_match) request.if_match = c.if_match->text();
    if (c.if_none_match) request.if_none_match = c.if_none_match->text();
    const auto date = [](std::int64_t seconds) { return std::string(HttpDate(seconds).text()); };
    if (c.if_unmodified_since) request.if_unmodified_since = date(*c.if_unmodified_since);
    if (c.if_modified_since) request.if_modified_since = date(*c.if_modified_since);
    if (c.if_range_tag) request.if_range = c.if_range_tag->text();
    if (c.if_range_date) request.if_range = date(*c.if_range_date);
    std::string ranges;
    for (const Spec& spec : c.ranges) ranges += (ranges.empty() ? "bytes=" : ",") + spec.text();
    const std::string tag = c.tag ? c.tag->text() : "";
    const Validators state{tag, c.modified};
    const Verdict verdict = evaluate_preconditions(request, state, today);
    if (verdict != Verdict::proceed) return {verdict == Verdict::not_modified ? 304 : 412, {}};
    if (ranges.empty() || !range_applies(request, state, today)) return {};
    const RangeRequest found = parse_range(ranges, c.size);
    if (found.kind == RangeRequest::Kind::unsatisfiable) return {416, {}};
    return found.kind == RangeRequest::Kind::parts ? Outcome{206, found.ranges} : Outcome{};
}

class Maker {
  public:
    Case make() {
        Case c;
        if (one_in(4) == 0)
            c.tag = tag(); // most files have a strong one
        else if (one_in(4) != 0)
            c.tag = Tag{false, 'a'};
        if (one_in(4) != 0) c.modified = time();
        c.size = one_in(8) == 0 ? 0 : 1 + one_in(12);
        if (one_in(3) == 0) c.if_match = tags();
        if (one_in(3) == 0) c.if_none_match = tags();
        if (one_in(3) == 0) c.if_unmodified_since = time();
        if (one_in(3) == 0) c.if_modified_since = time();
        if (one_in(4) == 0)
            c.if_range_tag = tag();
        else if (one_in(4) == 0)
            c.if_range_date = time();
        for (std::uint64_t i = one_in(4); i > 0; --i) {
            Spec spec{one_in(14), one_in(14)};
            if (const auto kind = one_in(3); kind == 0)
                spec.first.reset();
            else if (kind == 1)
                spec.last.reset();
            c.ranges.push_back(spec);
        }
        return c;
    }

  private:
    std::uint64_t one_in(std::uint64_t n) { return random_() % n; }
    Tag tag() { return {one_in(3) == 0, static_cast<char>('a' + one_in(2))}; }
    std::int64_t time() { return today - 100'000 + static_cast<std::int64_t>(one_in(3)); }
    Tags tags() {
        Tags tags{one_in(6) == 0, {}};
        for (std::uint64_t i = tags.any ? 0 : 1 + one_in(3); i > 0; --i) tags.list.push_back(tag());
        return tags;
    }

    std::mt19937_64 random_{9110}; // the same at each run
};

TEST(Model, ConditionsAndRangesAreThoseOfTheRfc) {
    Maker maker;
    std::vector<int> seen;
    for (int i = 0; i < 30'000; ++i) {
        const Case c = maker.make();
        const Outcome expected = reference(c);
        const Outcome found = tried(c);
        seen.push_back(found.status);
        ASSERT_EQ(found.status, expected.status) << i;
        ASSERT_EQ(found.ranges, expected.ranges) << i;
    }
    for (const int status : {200, 206, 304, 412, 416}) EXPECT_GT(std::ranges::count(seen, status), 500) << status;
}

} // namespace

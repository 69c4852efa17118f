#include "tls/handshake_counts.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

TEST(HandshakeCounts, OpenSslsWordsHaveACause) {
    using Failure = HandshakeCounts::Failure;
    EXPECT_EQ(HandshakeCounts::failure_of("http request"), Failure::not_tls);
    EXPECT_EQ(HandshakeCounts::failure_of("no shared cipher"), Failure::no_shared);
    EXPECT_EQ(HandshakeCounts::failure_of("peer did not return a certificate"), Failure::no_certificate);
    EXPECT_EQ(HandshakeCounts::failure_of("certificate verify failed: certificate has expired"), Failure::bad_certificate);
    EXPECT_EQ(HandshakeCounts::failure_of("tlsv1 alert unknown ca"), Failure::bad_certificate);
    EXPECT_EQ(HandshakeCounts::failure_of("internal error"), Failure::other);
}

TEST(HandshakeCounts, AreApartByVersionAndTicket) {
    HandshakeCounts counts;
    counts.done("TLSv1.2", false, 1);
    counts.done("TLSv1.3", true, 1);
    counts.done("TLSv1.3", true, 1);
    EXPECT_EQ(counts.done(0, false), 1U);
    EXPECT_EQ(counts.done(0, true), 0U);
    EXPECT_EQ(counts.done(1, true), 2U);
    EXPECT_EQ(counts.times().ranges[0], 3U);
}

TEST(HandshakeCounts, WhatIsCutShortHasTheReasonUnlessTheClientHasLeft) {
    HandshakeCounts counts;
    counts.cut(Reason::drained);
    counts.cut(Reason::peer_reset);
    EXPECT_EQ(counts.cut_for(Reason::drained), 1U);
    EXPECT_EQ(counts.cut_for(Reason::peer_reset), 0U);
    EXPECT_EQ(counts.failed(static_cast<std::size_t>(HandshakeCounts::Failure::gone)), 1U);
}

} // namespace
} // namespace gatehouse::host

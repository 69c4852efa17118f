#include "abi/host_view.hpp"

#include "abi/host_table.hpp"
#include "plugin/test_facilities.hpp"
#include "plugin/text.hpp"

#include <gtest/gtest.h>
#include <new>
#include <string>

namespace gatehouse::host {
namespace {

// What show() has given, as a text.
struct Seen {
    std::string text;
    gatehouse_answer to{sizeof(gatehouse_answer), 0, this, columns, row, nullptr, nullptr};

    static void columns(void* context, const gatehouse_column* all, std::size_t count, std::size_t /*stride*/) noexcept {
        for (std::size_t i = 0; i < count; ++i)
            static_cast<Seen*>(context)->text +=
                std::string(view(all[i].name)) + ':' + std::to_string(all[i].type) + std::string(view(all[i].unit)) + ' ';
    }
    static void row(void* context, const gatehouse_value* cells, std::size_t count, std::size_t /*stride*/) noexcept {
        for (std::size_t i = 0; i < count; ++i)
            static_cast<Seen*>(context)->text +=
                std::to_string(cells[i].type) + '=' + std::string(view(cells[i].text)) + std::to_string(cells[i].number) + ' ';
    }
};

class HostViewTest : public ::testing::Test {
  protected:
    HostViewTest() { host_.show = table; }

    gatehouse_status show(std::string_view table) { return host_view_table.show(&host_.instance, str(table), &seen_.to); }

    static std::optional<CellTable> table(std::string_view name) {
        if (name == "huge") throw std::bad_alloc();
        if (name != "people") return std::nullopt;
        return CellTable{{"name", {"share", Cell::Type::number, "%"}, {"at", Cell::Type::time}},
                         {"ann", Cell::count(7), {Cell::Type::time, 5}, "bob", Cell(), Cell()}};
    }

    TestFacilities host_;
    Seen seen_;
};

TEST_F(HostViewTest, ShowsATable) {
    EXPECT_EQ(show("people"), GATEHOUSE_OK);
    EXPECT_EQ(seen_.text, "name:1 share:3% at:6 1=ann0 3=7 6=5 1=bob0 0=0 0=0 ");
}

TEST_F(HostViewTest, WhatItCannotShowItDoesNotBegin) {
    EXPECT_EQ(show("nobody"), GATEHOUSE_NOT_FOUND);
    EXPECT_EQ(show("huge"), GATEHOUSE_EXHAUSTED);
    host_.instance.started.store(false);
    EXPECT_EQ(show("people"), GATEHOUSE_INVALID);
    EXPECT_EQ(seen_.text, "");
}

TEST_F(HostViewTest, IsThereForThoseToWhomItIsGranted) {
    gatehouse_instance granted{"granted", host_.facilities, nullptr, true, true};
    EXPECT_EQ(host_table.get_extension(&granted, str(GATEHOUSE_EXT_HOST)), &host_view_table);
    EXPECT_EQ(host_table.get_extension(&host_.instance, str(GATEHOUSE_EXT_HOST)), nullptr);
}

} // namespace
} // namespace gatehouse::host

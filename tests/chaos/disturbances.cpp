#include "disturbances.hpp"

#include "deadline.hpp"
#include "proc.hpp"

#include <array>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <sys/resource.h>
#include <system_error>
#include <thread>

namespace gatehouse::chaos {
namespace {

void pause(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); } // how long it lasts, not a wait for something

void send(Scene& scene, int number) {
    if (!scene.host().alive() || ::kill(scene.host().pid(), number) != 0) throw std::runtime_error("the host has ended");
}

// --- the host ------------------------------------------------------------------------------------------------------------

void signals(Scene& scene, Random& random) {
    constexpr std::array harmless{SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGWINCH, SIGURG, SIGCHLD, SIGCONT};
    for (std::size_t left = random.between(10, 300); left > 0; --left) {
        send(scene, harmless.at(random.between(0, harmless.size() - 1)));
        pause(random.milliseconds(0, 3));
    }
}

void stop_and_continue(Scene& scene, Random& random) {
    for (std::size_t left = random.between(1, 5); left > 0; --left) {
        send(scene, SIGSTOP);
        pause(random.milliseconds(1, 300));
        send(scene, SIGCONT);
        pause(random.milliseconds(1, 100));
    }
}

// Lowers the soft limit of the running host for a while.
void squeeze(Scene& scene, __rlimit_resource resource, rlim_t to, std::chrono::milliseconds time) {
    rlimit before{};
    if (::prlimit(scene.host().pid(), resource, nullptr, &before) != 0)
        throw std::system_error(errno, std::generic_category(), "prlimit");
    const rlimit tight{to, before.rlim_max};
    ::prlimit(scene.host().pid(), resource, &tight, nullptr);
    pause(time);
    ::prlimit(scene.host().pid(), resource, &before, nullptr);
}

void few_descriptors(Scene& scene, Random& random) {
    squeeze(scene, RLIMIT_NOFILE, support::descriptors(scene.host().pid()) + random.between(0, 10),
            random.milliseconds(50, 1500));
}

void little_memory(Scene& scene, Random& random) {
    squeeze(scene, RLIMIT_AS, support::mapped_kib(scene.host().pid()) * 1024 + random.between(0, 4 << 20),
            random.milliseconds(50, 1500));
}

void log_rotation(Scene& scene, Random& random) {
    for (std::size_t left = random.between(1, 10); left > 0; --left) {
        scene.host().rotate_log();
        pause(random.milliseconds(0, 200));
    }
}

void certificates(Scene& scene, Random& random) {
    for (std::size_t left = random.between(1, 6); left > 0; --left) {
        const std::string file = random.chance(50) ? "web.key" : "web.pem";
        switch (random.between(0, 2)) {
        case 0:
            scene.use_certificate(random.chance(50) ? "first" : "second");
            break;
        case 1:
            std::filesystem::remove(scene.certificates() / file);
            break;
        default:
            scene.certificates().dir().write(file, random.bytes(random.between(0, 3000)));
        }
        if (random.chance(50)) send(scene, SIGHUP);
        pause(random.milliseconds(0, 500));
    }
    scene.use_certificate("first");
}

void commands(Scene& scene, Random& random) {
    constexpr std::array orders{"disable", "drain"};
    const std::string server = scene.servers().at(random.between(0, 2)).ip() + ":" + scene.ports().plain;
    scene.host().control("pool", {orders.at(random.between(0, 1)), server});
    scene.host().control("host", {"reload-certificates"});
    pause(random.milliseconds(0, 500));
    support::eventually("the host takes the command", // it may lack a descriptor for it
                        [&] { return scene.host().control("pool", {"enable", server}); });
}

// --- around it -----------------------------------------------------------------------------------------------------------

void killed_server(Scene& scene, Random& random) {
    BackServer& server = scene.servers().at(random.between(0, 2));
    server.kill();
    pause(random.milliseconds(0, 1500));
    server.start();
}

void stopped_server(Scene& scene, Random& random) {
    const BackServer& server = scene.servers().at(random.between(0, 2));
    server.pause();
    pause(random.milliseconds(50, 2000));
    server.resume();
}

void flapping_servers(Scene& scene, Random& random) {
    for (std::size_t left = random.between(3, 8); left > 0; --left) {
        BackServer& server = scene.servers().at(random.between(0, 2));
        server.kill();
        pause(random.milliseconds(0, 150));
        server.start();
    }
}

void changing_names(Scene& scene, Random& random) {
    for (std::size_t left = random.between(1, 4); left > 0; --left) {
        std::string records;
        for (const BackServer& server : scene.servers())
            if (random.chance(50)) records += server.ip() + " servers.test\n";
        scene.names().set_hosts(records + "127.0.0.9 servers.test\n"); // at which there is none
        pause(random.milliseconds(100, 1500));
    }
    scene.names().set_hosts(scene.all_names());
}

void no_name_server(Scene& scene, Random& random) {
    scene.names().stop();
    pause(random.milliseconds(100, 2500));
    scene.names().restart();
}

void peace(Scene&, Random& random) { pause(random.milliseconds(100, 1500)); }

} // namespace

std::span<const Disturbance> disturbances_of_the_host() {
    static constexpr std::array table{
        Disturbance{"signals", signals},
        Disturbance{"host stopped and continued", stop_and_continue},
        Disturbance{"few descriptors", few_descriptors},
        Disturbance{"little memory", little_memory, false},
        Disturbance{"log rotation", log_rotation},
        Disturbance{"certificates", certificates},
        Disturbance{"commands", commands},
        Disturbance{"peace for the host", peace},
    };
    return table;
}

std::span<const Disturbance> disturbances_around_it() {
    static constexpr std::array table{
        Disturbance{"killed server", killed_server},       Disturbance{"stopped server", stopped_server},
        Disturbance{"flapping servers", flapping_servers}, Disturbance{"changing names", changing_names},
        Disturbance{"no name server", no_name_server},     Disturbance{"peace around it", peace},
    };
    return table;
}

} // namespace gatehouse::chaos

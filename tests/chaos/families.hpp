// The kinds of clients. One session of each is a function: it returns when all has been as it has to be, throws Wrong when what
// it got can never be right, support::TooLate when nothing happens any more, and another std::runtime_error when it was cut
// short, which is right while a disturbance goes on, and only then.
#pragma once

#include "random.hpp"
#include "scene.hpp"

#include <span>

namespace gatehouse::chaos {

struct Family {
    const char* name;
    void (*session)(const Scene&, Random&);
};

std::span<const Family> families();

// echo_clients.cpp
void keep_alive(const Scene& scene, Random& random);
void churn(const Scene& scene, Random& random);
void half_close(const Scene& scene, Random& random);
void reset(const Scene& scene, Random& random);
void slow_reader(const Scene& scene, Random& random);
void slow_writer(const Scene& scene, Random& random);
void bulk(const Scene& scene, Random& random);
void urgent(const Scene& scene, Random& random);

// classic_clients.cpp
void classics(const Scene& scene, Random& random);
void chargen(const Scene& scene, Random& random);

// http_clients.cpp
void http_keep_alive(const Scene& scene, Random& random);
void http_pipeline(const Scene& scene, Random& random);
void http_slow_download(const Scene& scene, Random& random);
void http_bad_request(const Scene& scene, Random& random);

// tls_clients.cpp
void tls_echo(const Scene& scene, Random& random);
void tls_half_close(const Scene& scene, Random& random);
void tls_http(const Scene& scene, Random& random);
void tls_cut(const Scene& scene, Random& random);
void tls_flipped(const Scene& scene, Random& random);
void tls_key_updates(const Scene& scene, Random& random);

// hostile_clients.cpp
void garbage(const Scene& scene, Random& random);
void silence(const Scene& scene, Random& random);
void too_many(const Scene& scene, Random& random);

// proxy_clients.cpp
void proxy_header(const Scene& scene, Random& random);
void bad_proxy_header(const Scene& scene, Random& random);
void socks5(const Scene& scene, Random& random);
void bad_socks5(const Scene& scene, Random& random);
void one_port(const Scene& scene, Random& random);

} // namespace gatehouse::chaos

"""A load test that logs each response time exactly as Locust itself counted it, and at its end what Locust makes of them all."""

import json
import logging
import os

from locust import HttpUser, constant, events, task


class Caller(HttpUser):
    wait_time = constant(0.02)

    @task
    def call(self):
        self.client.post("/default/predict", json={"values": [[5.9, 3.0, 5.1, 1.8]]}, name="predict")


@events.request.add_listener
def written_down(response_time, **_):
    logging.info("Response time: %r ms", response_time)
    logging.info("Response status code: 200")


@events.quitting.add_listener
def summed_up(environment, **_):
    # The CSV files are up to a second older than this: Locust writes them on a clock, not at the end.
    total = environment.stats.total
    with open(os.environ["LOCUST_SUMMARY"], "w") as f:
        json.dump({"n": total.num_requests, **{str(p): total.get_response_time_percentile(p / 100) for p in (50, 95, 99)}}, f)

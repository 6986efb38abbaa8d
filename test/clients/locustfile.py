"""The course's load test: each user asks for one prediction and then waits three to five seconds."""

import logging

from locust import HttpUser, between, task


class LambdaTestUser(HttpUser):
    wait_time = between(3, 5)

    @task
    def predict(self):
        r = self.client.post("/default/predict", json={"values": [[5.9, 3.0, 5.1, 1.8]]})
        logging.info("Response time: %.2f ms", r.elapsed.total_seconds() * 1000)
        logging.info("Response status code: %d", r.status_code)
        logging.info("Response text: %s", r.text)

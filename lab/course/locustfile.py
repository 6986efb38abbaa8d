"""The course's load test for real Locust; anthill lab's own generator sends the same and logs the same lines.

locust -f locustfile.py --host http://localhost:4566/restapis/<api id> --users 10 --spawn-rate 5 --run-time 60s
       --csv locust_logs/test --csv-full-history --logfile locust_logs/test_locust_logs.txt --headless
"""

import logging
import time

from locust import HttpUser, between, task


class LambdaTestUser(HttpUser):
    wait_time = between(3, 5)

    @task
    def predict(self):
        begin = time.perf_counter()
        response = self.client.post("/default/predict", json={"values": [[6.3, 3.3, 6.0, 2.5]]})
        logging.info(f"Response time: {(time.perf_counter() - begin) * 1000:.2f} ms")
        logging.info(f"Response status code: {response.status_code}")
        logging.info(f"Response text: {response.text}")

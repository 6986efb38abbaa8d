"""Model serving on Lambda: the class of irises, by a support vector machine trained with scikit-learn."""

import json
import os
import pickle

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "iris_model.pkl"), "rb") as f:
    model = pickle.load(f)


def predict(values):
    """The class (0, 1 or 2) of every row [sepal length, sepal width, petal length, petal width], in centimetres."""
    return model.predict(values).tolist()


def lambda_handler(event, context):
    try:
        body = event.get("body") or "{}"
        values = json.loads(body)["values"] if isinstance(body, str) else body["values"]
        return answer(200, {"predictions": predict(values)})
    except (KeyError, TypeError, ValueError) as e:
        return answer(400, {"error": f"send {{\"values\": [[5.1, 3.5, 1.4, 0.2]]}}: {e}"})


def answer(status, body):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}

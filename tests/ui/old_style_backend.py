"""A backend as sites wrote it for the web-based jobmon, with every method of the contract.

A test copies this file as it is into the folder of plug-ins. It knows nothing of this jobmon.
"""

# mypy: ignore-errors

from backend_base import BackendBase

MIB_OF_JOBFS = 7168


class Backend(BackendBase):
    def __init__(self):
        self.timestamp = 0
        self.nodes = {}
        self.jobs = {}
        self.calls = []

    def init(self):
        self.calls.append("init")

    def pre_update(self):
        self.calls.append("pre_update")
        self.nodes = {"elm1": True, "elm2": True, "oak1": False}
        self.jobs = {
            "501": ("melt", "hanna", "RUNNING", {"elm1": [0, 1, 2], "elm2": [5]}),
            "502_4": ("scan", "otto", "RUNNING", {"elm2": [0, 1]}),
            "503": ("later", "hanna", "PENDING", {}),
        }

    # -- nodes

    def hostnames(self):
        return list(self.nodes)

    def node_up(self, name):
        return self.nodes[name]

    def is_counted(self, name):
        return name.startswith("elm")

    def n_cpus(self, name):
        return 8

    def n_gpus(self, name):
        return 2 if name == "elm1" else 0

    def cpu_usage(self, name):
        if name == "oak1":
            return None
        core = [[90, 0, 4, 1, 5]] * 3 + [[0, 0, 1, 0, 99]] * 5
        return {"total": [33.75, 0, 2.125, 0.375, 63.75], "core": core}

    def mem(self, name):
        return {"used": 20480, "total": 65536}

    def swap(self, name):
        return {"free": 3072, "total": 4096}

    def disk(self, name):
        return {"free": 150, "total": 200}

    def gpus(self, name):
        if name != "elm1":
            return {}
        return {"gpu0": {"util": 61, "memory": {"used": 4096, "total": 16384}}, "gpu1": {"util": 3}}

    def infiniband(self, name):
        return {"bytes_in": 2097152, "bytes_out": 1048576, "pkts_in": 1500, "pkts_out": 700}

    def lustre(self, name):
        return {"read": 5242880, "write": 3145728}

    def jobfs(self, name):
        return {"read": 9437184, "write": 6291456}

    # -- jobs

    def job_ids(self):
        return list(self.jobs)

    def job_name(self, job_id):
        return self.jobs[job_id][0]

    def job_username(self, job_id):
        return self.jobs[job_id][1]

    def job_state(self, job_id):
        return self.jobs[job_id][2]

    def job_layout(self, job_id):
        return self.jobs[job_id][3]

    def job_gpu_layout(self, job_id):
        return {"elm1": [0]} if job_id == "501" else {}

    def job_ncpus(self, job_id):
        return {"501": 4, "502_4": 2, "503": 16}[job_id]

    def job_ngpus(self, job_id):
        return 1 if job_id == "501" else 0

    def job_time_limit(self, job_id):
        return None if job_id == "502_4" else 120

    def job_run_time(self, job_id):
        return 0 if job_id == "503" else 45

    def job_start_time(self, job_id):
        return 0 if job_id == "503" else 1789997300

    def job_mem(self, job_id):
        return {"elm1": 3072, "elm2": 1024} if job_id == "501" else 0

    def job_mem_max(self, job_id):
        return 5120 if job_id == "501" else 0

    def job_has_mem_stats(self, job_id):
        return job_id == "501"

    def job_mem_request(self, job_id):
        return 8192

    def job_lustre(self, job_id):
        if job_id != "501":
            return {}
        return {"home": {"oss": {"read_bytes": 1048576, "write_bytes": 524288, "iops": 12}}}

    def jobfs_usage(self, job_id):
        return {"elm1": MIB_OF_JOBFS} if job_id == "501" else {}

    def jobfs_request(self, job_id):
        return 10240

    # -- the cluster

    def core_usage(self, data):
        self.calls.append("core_usage")
        return {"avail": 77, "running": 6, "users": {"hanna": 4, "otto": 2}}

    def calculate_backfill(self):
        self.calls.append("calculate_backfill")
        return {"main": {8: {"count": 3, "tMin": 3600, "tMax": 7200}}}

    def write_influx(self):
        self.calls.append("write_influx")

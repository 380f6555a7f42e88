// Feeds rvv_npu a program from program.hex (operand2, operand1, instruction), with memory.hex behind its memory port;
// writes the memory to result.hex when the program's last transfer has ended.

module bench;
    parameter LANES = 4;
    parameter VLEN = 1024;
    parameter LENGTH = 1;
    reg clk = 0;
    reg rst_n = 0;
    reg [63:0] memory [0:4095];
    reg [159:0] program_words [0:255];
    reg instruction_valid = 0;
    reg [159:0] entry;
    wire instruction_ready;
    wire request_valid;
    wire request_write;
    wire [39:0] request_address;
    wire [127:0] request_data;
    reg response_valid = 0;
    reg [127:0] response_data;
    integer i;
    integer quiet = 0;
    rvv_npu #(.LANES(LANES), .VLEN(VLEN)) npu (
        .clk(clk), .rst_n(rst_n), .instruction_valid(instruction_valid), .instruction(entry[31:0]),
        .operand1(entry[95:32]), .operand2(entry[159:96]), .instruction_ready(instruction_ready),
        .request_valid(request_valid), .request_write(request_write), .request_address(request_address),
        .request_data(request_data), .request_ready(1'b1), .memory_response_valid(response_valid),
        .memory_response_data(response_data)
    );
    always #5 clk = ~clk;
    always @(posedge clk) begin
        response_valid <= request_valid & !request_write;
        response_data <= {memory[request_address[14:3] + 1], memory[request_address[14:3]]};
        if (request_valid & request_write)
            {memory[request_address[14:3] + 1], memory[request_address[14:3]]} = request_data;
        quiet = request_valid ? 0 : quiet + 1;
    end
    initial begin
        $readmemh("memory.hex", memory);
        $readmemh("program.hex", program_words);
        repeat (5) @(negedge clk);
        rst_n = 1;
        for (i = 0; i < LENGTH; i = i + 1) begin
            @(negedge clk);
            while (!instruction_ready) @(negedge clk);
            instruction_valid = 1;
            entry = program_words[i];
            @(negedge clk);
            instruction_valid = 0;
        end
        quiet = 0;
        while (quiet < 600) @(negedge clk);
        $writememh("result.hex", memory);
        $finish;
    end
    initial #2000000 $finish;
endmodule

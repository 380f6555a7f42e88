// Gives systolic the commands of program.hex (bank, first pass, memory base 40, count 16, command 3, from the top), with
// memory.hex behind its memory port; its results go to result.hex, one row a line.

module bench;
    parameter ROWS = 16;
    parameter COLS = 16;
    parameter LENGTH = 1;
    reg clk = 0;
    reg rst_n = 0;
    reg [63:0] memory [0:4095];
    reg [60:0] commands [0:63];
    reg [60:0] entry;
    reg command_valid = 0;
    wire command_ready;
    wire request_valid;
    wire request_write;
    wire [39:0] request_address;
    wire [8*COLS-1:0] request_data;
    reg response_valid = 0;
    reg [63:0] response_data;
    integer i;
    integer file;
    systolic #(.ROWS(ROWS), .COLS(COLS), .BUFFER_WORDS(512), .ACCUMULATOR_WORDS(64)) array (
        .clk(clk), .rst_n(rst_n), .command_valid(command_valid), .command(entry[2:0]), .count(entry[18:3]),
        .buffer_base(16'd0), .memory_base(entry[58:19]), .first_pass(entry[59]), .bank(entry[60]), .factor(16'd3),
        .shift(5'd9), .rectify(1'b0), .command_ready(command_ready), .request_valid(request_valid),
        .request_write(request_write), .request_address(request_address), .request_data(request_data),
        .request_ready(1'b1), .response_valid(response_valid), .response_data(response_data)
    );
    always #5 clk = ~clk;
    always @(posedge clk) begin
        response_valid <= request_valid & !request_write;
        response_data <= memory[request_address[14:3]];
        if (request_valid & request_write) $fdisplay(file, "%h", request_data);
    end
    initial begin
        file = $fopen("result.hex");
        $readmemh("memory.hex", memory);
        $readmemh("program.hex", commands);
        repeat (5) @(negedge clk);
        rst_n = 1;
        for (i = 0; i < LENGTH; i = i + 1) begin
            @(negedge clk);
            while (!command_ready) @(negedge clk);
            command_valid = 1;
            entry = commands[i];
            @(negedge clk);
            command_valid = 0;
            @(negedge clk);
            while (!command_ready) @(negedge clk);
            repeat (2 * ROWS + 2 * COLS + 10) @(negedge clk);
        end
        $finish;
    end
    initial #2000000 $finish;
endmodule
